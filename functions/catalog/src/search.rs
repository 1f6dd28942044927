//! Plain product search: the store's snapshot finds and orders, the table says what each product is now.
//!
//! A page is cut from one order, that of the snapshot at the time of the first page. Where a new snapshot has come meanwhile, the
//! next page goes on behind the last product of the page before, or at the same place where that product is found no more.
//! A product that the new snapshot ranks before that place is then not shown on a later page.
//! Products that are gone, cost more than `max_price` by now or, with `in_stock`, are sold out are passed over: a page looks at no
//! more than [`MAX_LOOKED_AT`] products and may therefore be short, or empty, and still have a next one.

use crate::{error::Error, table::StoreTable};
use jiff::Timestamp;
use retrieval::{Filter, Hash, Label, Page, Request, Scope, Settings, Snapshot};
use serde::{Deserialize, Serialize};
use shared::{
    catalog::{Money, Product},
    ids::ProductId,
};
use std::sync::Arc;

/// How many products of a page are looked at before it is handed out as it is.
pub const MAX_LOOKED_AT: usize = 600;
/// How many are looked at in one go.
const BLOCK: usize = 100;

/// What is searched for.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What the caller typed; empty lists what passes the filters.
    pub text: String,
    /// Only this category.
    pub category: Option<String>,
    /// At most this price.
    pub max_price: Option<Money>,
    /// Nothing that is counted and sold out.
    pub in_stock: bool,
    /// How many products.
    pub limit: usize,
}

/// Where the next page begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    snapshot: Hash,
    offset: usize,
    last: String,
    as_of: Timestamp,
}

/// A product that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The product as it is now.
    pub product: Product,
    /// The probability, from 0 to 1, that it is what was searched for.
    pub similarity: f64,
    /// Whether that is enough for an answer.
    pub relevant: bool,
}

/// A page of what was found.
#[derive(Clone, Debug)]
pub struct Results {
    /// Best first.
    pub found: Vec<Found>,
    /// How many products of the snapshot match.
    pub matches: u64,
    /// How many of them there are of each kind.
    pub facets: retrieval::retriever::Facets,
    /// Where the next page begins; `None` after the last one.
    pub next: Option<Mark>,
}

impl Wanted {
    fn filter(&self) -> Filter {
        let category = self.category.clone().map_or(Filter::Any, |category| Filter::Eq(Label::Category, category));
        let price = self.max_price.map_or(Filter::Any, |max| Filter::Price { min: None, max: Some(max.hundredths()) });
        category.and(price)
    }

    /// Whether a product as it is now still passes.
    fn passes(&self, product: &Product) -> bool {
        let cheap = self.max_price.is_none_or(|max| product.price <= max);
        cheap && !(self.in_stock && product.stock == Some(0))
    }

    /// What a cursor is bound to, beside tenant, store and route.
    pub fn context(&self) -> String {
        let Self { text, category, max_price, in_stock, limit: _ } = self;
        serde_json::json!([text, category, max_price, in_stock]).to_string()
    }
}

/// One search, page by page.
pub struct Search<'a> {
    /// Where it searches.
    pub snapshot: Arc<Snapshot>,
    /// Who searches.
    pub scope: &'a Scope,
    /// What the products are now.
    pub table: &'a StoreTable,
    /// What is searched for.
    pub wanted: &'a Wanted,
    /// The time by which newer products rank higher.
    pub as_of: Timestamp,
}

impl Search<'_> {
    /// The page that begins at `mark`, or the first one.
    ///
    /// # Errors
    ///
    /// [`Error::Search`], [`Error::Fault`].
    pub async fn page(mut self, mark: Option<Mark>) -> Result<Results, Error> {
        let mut offset = 0;
        if let Some(mark) = mark {
            self.as_of = mark.as_of;
            offset = self.place(&mark).await?;
        }
        let mut found: Vec<Found> = Vec::with_capacity(self.wanted.limit);
        let (mut looked_at, mut last) = (0, String::new());
        loop {
            let page = self.block(offset, BLOCK, true).await?;
            let ids: Vec<ProductId> = page.results.iter().filter_map(|ranked| ranked.hit.id.parse().ok()).collect();
            let mut now = self.table.products(&ids).await?;
            let ended = page.results.len() < BLOCK;
            let in_block = page.results.len();
            let mut taken = 0;
            for ranked in page.results {
                if found.len() == self.wanted.limit {
                    break;
                }
                taken += 1;
                last.clone_from(&ranked.hit.id);
                let product = ranked.hit.id.parse().ok().and_then(|id: ProductId| now.remove(&id));
                if let Some(product) = product.filter(|product| self.wanted.passes(product)) {
                    found.push(Found { product, similarity: ranked.probability, relevant: ranked.relevant });
                }
            }
            offset += taken;
            looked_at += taken;
            let more = taken < in_block || !ended;
            if !more || found.len() == self.wanted.limit || looked_at >= MAX_LOOKED_AT {
                let next = Mark { snapshot: self.snapshot.hash(), offset, last, as_of: self.as_of };
                return Ok(Results {
                    found,
                    matches: page.matches,
                    facets: page.facets.unwrap_or_default(),
                    next: more.then_some(next),
                });
            }
        }
    }

    /// Where `mark` lies in this snapshot's order.
    async fn place(&self, mark: &Mark) -> Result<usize, Error> {
        if mark.snapshot == self.snapshot.hash() {
            return Ok(mark.offset);
        }
        let page = self.block(0, mark.offset + BLOCK, false).await?;
        let behind = page.results.iter().position(|ranked| ranked.hit.id == mark.last);
        Ok(behind.map_or(mark.offset, |place| place + 1))
    }

    async fn block(&self, offset: usize, limit: usize, facets: bool) -> Result<Page, Error> {
        let request = Request {
            text: self.wanted.text.clone(),
            filter: self.wanted.filter(),
            offset,
            limit,
            facets,
            settings: Settings { category: self.wanted.category.clone(), ..Settings::at(self.as_of) },
            deadline: None,
        };
        let ranking = &self.snapshot.manifest().ranking;
        retrieval::search(&self.snapshot, self.scope, ranking, request).await.map_err(Error::Search)
    }
}
