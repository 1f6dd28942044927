//! The store that a tenant's route leads to.

use crate::{Config, Error};
use event_store::{EventStore, dynamodb::DynamoDb};
use shared::{
    aws::Aws,
    clock::Clock,
    routes::{Backend, Environment, ResourceKind, Route, Routes},
    table::Table,
    web::context::{Context, Mode},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The code of what is refused for want of a route, and of the warning in a lab.
pub(crate) const MISSING_ROUTE: &str = "analytics_store.missing_route";
/// The most stores whose clients one instance keeps.
const MOST: usize = 32;

/// The stores that routes lead to; clones share them.
#[derive(Clone)]
pub(crate) struct Stores(Arc<Known>);

struct Known {
    routes: Routes,
    environment: Environment,
    aws: Aws,
    clock: Clock,
    /// By what makes a store another one: tenants who share a table share its client.
    stores: Mutex<HashMap<String, Arc<dyn EventStore>>>,
}

impl Stores {
    pub(crate) fn new(config: &Config, aws: &Aws, table: Table, clock: &Clock) -> Self {
        Self(Arc::new(Known {
            routes: Routes::new(table, clock, config.routes_for),
            environment: config.environment.clone(),
            aws: aws.clone(),
            clock: clock.clone(),
            stores: Mutex::default(),
        }))
    }

    /// The store of the context's tenant; in a lab `None` where there is no route.
    ///
    /// # Errors
    ///
    /// [`Error::MissingRoute`], [`Error::Adapter`], and where the table does not say.
    pub(crate) async fn of(&self, context: &Context) -> Result<Option<Arc<dyn EventStore>>, Error> {
        let environment = &self.0.environment;
        let route = self.0.routes.find(&context.tenant, ResourceKind::AnalyticsStore, environment).await?;
        let Some(route) = route else {
            let (tenant, mode) = (context.tenant.tenant_hash(), context.mode.as_str());
            tracing::warn!(event = "analytics_store.missing_route", tenant, mode, "analytics_store.missing_route");
            let missing = || Error::MissingRoute {
                tenant: context.tenant.tenant().clone(),
                env: environment.clone(),
                mode: context.mode,
            };
            return if context.mode == Mode::Lab { Ok(None) } else { Err(missing()) };
        };
        self.open(&route).map(Some)
    }

    fn open(&self, route: &Route) -> Result<Arc<dyn EventStore>, Error> {
        let (key, table) = match route.backend().map_err(|_| Error::adapter("its config is not of its form"))? {
            Backend::DynamoDb(at) if at.region == self.0.aws.region() => {
                (format!("dynamodb {}", at.table_name), at.table_name)
            }
            Backend::DynamoDb(_) => return Err(Error::adapter("its table is in another region than this stack")),
            Backend::Firestore(_) | Backend::Cosmos(_) | Backend::Other => {
                return Err(Error::adapter(
                    "this build has no client for its backend: dynamodb is the one that there is",
                ));
            }
        };
        let mut stores = self.0.stores.lock().unwrap_or_else(PoisonError::into_inner);
        if stores.len() >= MOST && !stores.contains_key(&key) {
            stores.clear();
        }
        let open = || Arc::new(DynamoDb::new(Table::new(&self.0.aws, table), &self.0.clock));
        Ok(stores.entry(key).or_insert_with(|| open()).clone())
    }
}
