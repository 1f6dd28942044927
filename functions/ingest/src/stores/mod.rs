//! The store that a tenant's route leads to.

mod name;
mod open;
mod renewing;

pub(crate) use name::StoreName;
pub(crate) use open::NotOpened;

use crate::{Config, Error};
use event_store::EventStore;
use open::Opener;
use shared::{
    aws::Aws,
    clock::Clock,
    problem::Problem,
    routes::{Backend, Environment, ResourceKind, Routes},
    table::Table,
    web::context::{Context, Mode},
};
use std::sync::Arc;

/// The code of what is refused for want of a route, and of the warning in a lab.
pub(crate) const MISSING_ROUTE: &str = "analytics_store.missing_route";

/// The stores that routes lead to; clones share them.
#[derive(Clone)]
pub(crate) struct Stores(Arc<Known>);

struct Known {
    routes: Routes,
    environment: Environment,
    opener: Opener,
}

impl Stores {
    pub(crate) fn new(config: &Config, aws: &Aws, table: Table, clock: &Clock) -> Self {
        Self(Arc::new(Known {
            routes: Routes::new(table, clock, config.routes_for),
            environment: config.environment.clone(),
            opener: Opener::new(config, aws, clock),
        }))
    }

    /// The store of the context's tenant; in a lab `None` where there is no route.
    ///
    /// # Errors
    ///
    /// Those of [`Stores::named`].
    pub(crate) async fn of(&self, context: &Context) -> Result<Option<Arc<dyn EventStore>>, Error> {
        Ok(self.named(context).await?.map(|(store, _)| store))
    }

    /// The same, and what it is called.
    ///
    /// # Errors
    ///
    /// [`Error::MissingRoute`], [`Error::Adapter`], [`Error::Backend`] where the store cannot be opened for the moment, and where the table or
    /// Secrets Manager does not say.
    pub(crate) async fn named(&self, context: &Context) -> Result<Option<(Arc<dyn EventStore>, StoreName)>, Error> {
        let environment = &self.0.environment;
        let route = self.0.routes.find(&context.tenant, ResourceKind::AnalyticsStore, environment).await?;
        let Some(route) = route else {
            let (tenant, mode) = (context.tenant.tenant_hash(), context.mode.as_str());
            tracing::warn!(event = "analytics_store.missing_route", tenant, mode, "analytics_store.missing_route");
            return if context.mode == Mode::Lab { Ok(None) } else { Err(self.missing(context)) };
        };
        let backend = route.backend().map_err(|_| Error::adapter("its config is not of its form"))?;
        let name = StoreName::of(&backend);
        match self.0.opener.open(backend).await {
            Ok(store) => Ok(Some((store, name))),
            Err(NotOpened::Because(why)) => Err(Error::adapter(why)),
            Err(NotOpened::Unready(error)) => Err(Error::of_opening(error)),
            Err(NotOpened::Unknown(error)) => Err(Problem::from(error).into()),
        }
    }

    /// The store of the context's tenant, in a lab too, and what it is called.
    ///
    /// # Errors
    ///
    /// Those of [`Stores::of`]; [`Error::MissingRoute`] in whatever mode.
    pub(crate) async fn required(&self, context: &Context) -> Result<(Arc<dyn EventStore>, StoreName), Error> {
        self.named(context).await?.ok_or_else(|| self.missing(context))
    }

    fn missing(&self, context: &Context) -> Error {
        let env = self.0.environment.clone();
        Error::MissingRoute { tenant: context.tenant.tenant().clone(), env, mode: context.mode }
    }

    /// The store at `backend`, to which no route need lead.
    ///
    /// # Errors
    ///
    /// [`NotOpened`].
    pub(crate) async fn at(&self, backend: Backend) -> Result<Arc<dyn EventStore>, NotOpened> {
        self.0.opener.open(backend).await
    }
}
