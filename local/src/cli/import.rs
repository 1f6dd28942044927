//! `import`: a file of products into a store, through the catalog's own routes.

use super::{say, session::Session};
use crate::seed;
use anyhow::Result;
use clap::Args;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Import {
    /// The store; made where there is none
    store: String,
    /// The file: .csv, .tsv, .json or .ndjson, or one of these with .gz after it
    file: PathBuf,
    /// The store's tenant
    #[arg(long, default_value = seed::TENANT)]
    tenant: String,
}

pub(super) async fn run(state: &Path, import: &Import) -> Result<()> {
    let session = Session::open(state).await?;
    say(format!("{import:?}"));
    session.close().await;
    Ok(())
}
