//! S3: our own store behind `s3s`.

use super::{ACCESS_KEY, SECRET_KEY};
use crate::{stop::Stopped, template::Bucket};
use anyhow::Result;
use local_s3::Store;
use std::path::Path;
use tokio::{net::TcpListener, task::JoinHandle};

/// Opens the store in `folder`, makes the buckets that are missing, and serves it on `listener` until `stopped`.
pub(crate) fn serve(
    listener: TcpListener,
    folder: &Path,
    buckets: &[Bucket],
    stopped: Stopped,
) -> Result<JoinHandle<()>> {
    let store = Store::open(folder)?;
    for bucket in buckets {
        store.create_bucket(&bucket.name)?;
    }
    let credentials = (ACCESS_KEY.to_owned(), SECRET_KEY.to_owned());
    Ok(tokio::spawn(local_s3::serve(listener, store, credentials, stopped.wait())))
}
