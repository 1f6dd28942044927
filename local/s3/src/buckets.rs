//! Buckets: made, looked for, listed.

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use crate::objects::{need_bucket, timestamp};
use crate::store::Store;

/// `CreateBucket`. Asking twice is a conflict, as everywhere on S3 outside its oldest region.
pub(crate) async fn create(store: &Store, input: CreateBucketInput) -> S3Result<CreateBucketOutput> {
    if input.object_lock_enabled_for_bucket == Some(true) {
        return Err(s3_error!(NotImplemented, "Object lock is not kept by this store"));
    }
    let location = format!("/{}", input.bucket);
    match store.index(move |index| Ok(index.add_bucket(&input.bucket)?)).await? {
        true => Ok(CreateBucketOutput { location: Some(location) }),
        false => Err(s3_error!(BucketAlreadyOwnedByYou, "You already own this bucket.")),
    }
}

/// `HeadBucket`.
pub(crate) async fn head(store: &Store, input: HeadBucketInput) -> S3Result<HeadBucketOutput> {
    store.index(move |index| need_bucket(index, &input.bucket)).await?;
    Ok(HeadBucketOutput::default())
}

/// `ListBuckets`, always in one page.
pub(crate) async fn list(store: &Store, input: ListBucketsInput) -> S3Result<ListBucketsOutput> {
    let prefix = input.prefix.clone().unwrap_or_default();
    let buckets = store.index(|index| Ok(index.buckets()?)).await?;
    let buckets = buckets.into_iter().filter(|(name, _)| name.starts_with(&prefix)).map(|(name, created)| Bucket {
        name: Some(name),
        creation_date: Some(timestamp(created)),
        ..Default::default()
    });
    Ok(ListBucketsOutput { buckets: Some(buckets.collect()), prefix: input.prefix, ..Default::default() })
}
