//! What a tenant may ask of S3: objects under `<tenant>/` and `uploads/<tenant>/`, also as what is copied or listed, also in a
//! URL that is signed for somebody else to use.

use super::{Refusal, within};
use crate::{ids::TenantId, tenant::acting::Acting};
use aws_sdk_s3::operation::{
    copy_object::CopyObjectInput, delete_object::DeleteObjectInput, delete_objects::DeleteObjectsInput,
    get_object::GetObjectInput, head_object::HeadObjectInput, list_objects_v2::ListObjectsV2Input,
    put_object::PutObjectInput,
};
use aws_smithy_runtime_api::client::interceptors::context::Input;

/// Holds a call to what `acting` may do. No sweep reads objects.
pub(super) fn check(input: &Input, acting: &Acting) -> Result<(), Refusal> {
    match acting {
        Acting::Tenant(tenant) => keyed(input, tenant),
        Acting::Sweep(_) => Err(Refusal::Operation),
    }
}

fn keyed(input: &Input, tenant: &TenantId) -> Result<(), Refusal> {
    if let Some(get) = input.downcast_ref::<GetObjectInput>() {
        return object(get.key(), tenant);
    }
    if let Some(put) = input.downcast_ref::<PutObjectInput>() {
        return object(put.key(), tenant);
    }
    if let Some(head) = input.downcast_ref::<HeadObjectInput>() {
        return object(head.key(), tenant);
    }
    if let Some(delete) = input.downcast_ref::<DeleteObjectInput>() {
        return object(delete.key(), tenant);
    }
    if let Some(delete) = input.downcast_ref::<DeleteObjectsInput>() {
        let objects = delete.delete().map(|delete| delete.objects()).unwrap_or_default();
        let first = objects.first().ok_or(Refusal::Unkeyed)?;
        object(Some(first.key()), tenant)?;
        return objects.iter().try_for_each(|found| object(Some(found.key()), tenant));
    }
    if let Some(copy) = input.downcast_ref::<CopyObjectInput>() {
        object(copy.key(), tenant)?;
        return source(copy.copy_source(), copy.bucket(), tenant);
    }
    if let Some(list) = input.downcast_ref::<ListObjectsV2Input>() {
        let prefix = list.prefix().ok_or(Refusal::Unkeyed)?;
        return if owns(prefix, tenant) { Ok(()) } else { Err(Refusal::Outside) };
    }
    Err(Refusal::Operation)
}

fn object(key: Option<&str>, tenant: &TenantId) -> Result<(), Refusal> {
    let key = key.ok_or(Refusal::Unkeyed)?;
    // S3 takes a name as it is; something on the way might not, and read `acme/../beta` as beta's.
    let plain = key.split('/').all(|part| !matches!(part, "" | "." | ".."));
    if plain && owns(key, tenant) { Ok(()) } else { Err(Refusal::Outside) }
}

pub(super) fn owns(key: &str, tenant: &TenantId) -> bool {
    within(key, "", tenant, '/') || within(key, "uploads/", tenant, '/')
}

/// What a copy reads: `<bucket>/<key>`, percent-encoded, of the bucket that it writes to.
fn source(source: Option<&str>, bucket: Option<&str>, tenant: &TenantId) -> Result<(), Refusal> {
    let source = source.ok_or(Refusal::Unkeyed)?;
    let path = source.split_once('?').map_or(source, |(path, _)| path);
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8().map_err(|_| Refusal::Outside)?;
    let (from, key) = decoded.strip_prefix('/').unwrap_or(&decoded).split_once('/').ok_or(Refusal::Unkeyed)?;
    if Some(from) != bucket {
        return Err(Refusal::Outside);
    }
    object(Some(key), tenant)
}
