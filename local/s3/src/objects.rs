//! One object at a time: put, get, head, delete, copy.

use std::collections::BTreeSet;
use std::fs::File;
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};

use crate::bodies::{self, Draft};
use crate::checksums::{Algorithm, Checksums, Claim, checksums_of, set_checksums};
use crate::conditions::{self, Refusal};
use crate::index::{About, Index, Object};
use crate::store::Store;

/// How many bytes of names and values the metadata of one object may have, as on S3.
const METADATA_BYTES: usize = 2 * 1024;

/// What S3 calls an object whose sender gave it no type.
const UNTYPED: &str = "binary/octet-stream";

/// Refuses what this store would lose: headers whose meaning it does not keep. `$input` has these fields.
macro_rules! refuse_unsupported {
    ($input:expr) => {{
        let input = &$input;
        let asked = [
            ("x-amz-tagging", input.tagging.is_some()),
            ("x-amz-object-lock-legal-hold", input.object_lock_legal_hold_status.is_some()),
            ("x-amz-object-lock-mode", input.object_lock_mode.is_some()),
            ("x-amz-object-lock-retain-until-date", input.object_lock_retain_until_date.is_some()),
            ("x-amz-server-side-encryption-customer-key", input.sse_customer_key.is_some()),
            ("x-amz-website-redirect-location", input.website_redirect_location.is_some()),
        ];
        match asked.into_iter().find(|(_, given)| *given) {
            Some((header, _)) => Err(s3s::s3_error!(NotImplemented, "{header} is not kept by this store")),
            None => Ok(()),
        }
    }};
}

/// Reads what a sender says about an object. `$input` has these fields.
macro_rules! about_of {
    ($input:expr) => {{
        let input = &$input;
        $crate::objects::measured(About {
            content_type: input.content_type.clone(),
            cache_control: input.cache_control.clone(),
            content_disposition: input.content_disposition.clone(),
            content_encoding: input.content_encoding.clone(),
            content_language: input.content_language.clone(),
            expires: input.expires.clone(),
            metadata: input.metadata.clone().unwrap_or_default().into_iter().collect(),
            ..About::default()
        })
    }};
}

pub(crate) use {about_of, refuse_unsupported};

/// Hands `about` back if its metadata is within bounds.
pub(crate) fn measured(about: About) -> S3Result<About> {
    let bytes: usize = about.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > METADATA_BYTES {
        return Err(s3_error!(MetadataTooLarge, "Your metadata headers exceed the maximum allowed metadata size"));
    }
    Ok(about)
}

/// `PutObject`: stores a body under a key, if its checksums and the conditions hold.
pub(crate) async fn put(store: &Store, req: S3Request<PutObjectInput>) -> S3Result<PutObjectOutput> {
    let input = req.input;
    refuse_unsupported!(input)?;
    if input.write_offset_bytes.is_some() {
        return Err(s3_error!(NotImplemented, "x-amz-write-offset-bytes is not kept by this store"));
    }
    let mut about = about_of!(input)?;
    let asked = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let claim =
        Claim::read(&req.headers, req.trailing_headers, checksums_of!(input), asked, input.content_md5.as_deref())?;
    let draft = receive(store, claim, &BTreeSet::new(), input.body, input.content_length).await?;
    let etag = hex::encode(draft.digest.md5);
    about.sums = draft.digest.sums.clone();
    let conditions = conditions::Write { if_match: input.if_match, if_none_match: input.if_none_match };
    let (bucket, key) = (input.bucket, input.key);
    let object = store.index(move |index| write(index, &bucket, &key, &conditions, etag, about, draft)).await?;
    let mut output = PutObjectOutput { e_tag: Some(ETag::Strong(object.etag)), ..Default::default() };
    output.checksum_type = Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT));
    set_checksums!(output, &object.about.sums);
    Ok(output)
}

/// Takes in a request's body and judges its claim; nothing is visible yet.
pub(crate) async fn receive(
    store: &Store,
    claim: Claim,
    also: &BTreeSet<Algorithm>,
    body: Option<StreamingBlob>,
    promised: Option<i64>,
) -> S3Result<Draft> {
    let mut sink = store.bodies().draft(&(&claim.algorithms() | also)).await?;
    if let Some(body) = body {
        sink.receive(body).await?;
    }
    let draft = sink.finish().await?;
    if promised.is_some_and(|bytes| bytes != draft.size as i64) {
        return Err(s3_error!(IncompleteBody, "The body has {} bytes, not those that were promised.", draft.size));
    }
    claim.check(&draft.digest)?;
    Ok(draft)
}

/// Puts a body under a key of a bucket that exists, if the conditions hold at this very moment.
pub(crate) fn write(
    index: &Index<'_>,
    bucket: &str,
    key: &str,
    conditions: &conditions::Write,
    etag: String,
    about: About,
    draft: Draft,
) -> S3Result<Object> {
    need_bucket(index, bucket)?;
    let stored = index.object(bucket, key)?;
    conditions.check(stored.as_ref().map(|object| object.etag.as_str()))?;
    Ok(index.put(bucket, key, etag, about, draft)?)
}

/// `GetObject`: a body, or a range of it.
pub(crate) async fn get(store: &Store, input: GetObjectInput) -> S3Result<GetObjectOutput> {
    only_current(input.version_id.as_deref(), input.part_number)?;
    let conditions = conditions::Read {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let (object, file) = open(store, input.bucket, input.key).await?;
    let mut output = described(&object, &conditions, input.checksum_mode.as_ref(), input.range)?;
    let (start, end) = span(input.range, object.size)?;
    output.body = Some(bodies::read(file, start, end).await.map_err(S3Error::internal_error)?);
    Ok(output)
}

/// `HeadObject`: what `GetObject` would say, without the bytes.
pub(crate) async fn head(store: &Store, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    only_current(input.version_id.as_deref(), input.part_number)?;
    let conditions = conditions::Read {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    let (bucket, key) = (input.bucket, input.key);
    let object = store.index(move |index| find(index, &bucket, &key)).await?;
    let known = described(&object, &conditions, input.checksum_mode.as_ref(), input.range)?;
    Ok(HeadObjectOutput {
        accept_ranges: known.accept_ranges,
        cache_control: known.cache_control,
        checksum_crc32: known.checksum_crc32,
        checksum_crc32c: known.checksum_crc32c,
        checksum_crc64nvme: known.checksum_crc64nvme,
        checksum_sha1: known.checksum_sha1,
        checksum_sha256: known.checksum_sha256,
        checksum_type: known.checksum_type,
        content_disposition: known.content_disposition,
        content_encoding: known.content_encoding,
        content_language: known.content_language,
        content_length: known.content_length,
        content_range: known.content_range,
        content_type: known.content_type,
        e_tag: known.e_tag,
        expires: known.expires,
        last_modified: known.last_modified,
        metadata: known.metadata,
        ..Default::default()
    })
}

/// `DeleteObject`: empties a key, which may be empty already unless a condition names what it holds.
pub(crate) async fn delete(store: &Store, input: DeleteObjectInput) -> S3Result<DeleteObjectOutput> {
    only_current(input.version_id.as_deref(), None)?;
    if input.if_match_last_modified_time.is_some() || input.if_match_size.is_some() {
        return Err(s3_error!(NotImplemented, "Only If-Match can condition a delete"));
    }
    let conditions = conditions::Write { if_match: input.if_match, if_none_match: None };
    store.index(move |index| erase(index, &input.bucket, &input.key, &conditions)).await?;
    Ok(DeleteObjectOutput::default())
}

/// Empties a key if the conditions hold at this very moment.
fn erase(index: &Index<'_>, bucket: &str, key: &str, conditions: &conditions::Write) -> S3Result<()> {
    need_bucket(index, bucket)?;
    if conditions.if_match.is_some() {
        conditions.check(index.object(bucket, key)?.as_ref().map(|object| object.etag.as_str()))?;
    }
    Ok(index.delete(bucket, key)?)
}

/// `DeleteObjects`: up to 1,000 keys at once, each for itself.
pub(crate) async fn delete_many(store: &Store, input: DeleteObjectsInput) -> S3Result<DeleteObjectsOutput> {
    let Delete { objects, quiet } = input.delete;
    if objects.is_empty() || objects.len() > 1000 {
        return Err(s3_error!(MalformedXML, "A delete names 1 to 1,000 keys."));
    }
    let bucket = input.bucket;
    store
        .index(move |index| {
            need_bucket(index, &bucket)?;
            let (mut deleted, mut errors) = (Vec::new(), Vec::new());
            for ObjectIdentifier { key, e_tag, version_id, .. } in objects {
                let conditions = conditions::Write { if_match: e_tag.map(ETagCondition::ETag), if_none_match: None };
                let outcome = only_current(version_id.as_deref(), None)
                    .and_then(|()| need_key(&key))
                    .and_then(|()| erase(index, &bucket, &key, &conditions));
                match outcome {
                    Ok(()) => deleted.push(DeletedObject { key: Some(key), ..Default::default() }),
                    Err(error) => errors.push(s3s::dto::Error {
                        code: Some(error.code().as_str().to_owned()),
                        message: error.message().map(str::to_owned),
                        key: Some(key),
                        version_id,
                    }),
                }
            }
            let deleted = (quiet != Some(true)).then_some(deleted);
            Ok(DeleteObjectsOutput { deleted, errors: Some(errors), ..Default::default() })
        })
        .await
}

/// `CopyObject`: reads one key as it is now and puts those bytes under another.
pub(crate) async fn copy(store: &Store, req: S3Request<CopyObjectInput>) -> S3Result<CopyObjectOutput> {
    let input = req.input;
    refuse_unsupported!(input)?;
    let replace = input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
    let CopySource::Bucket { bucket: from_bucket, key: from_key, version_id } = &input.copy_source else {
        return Err(s3_error!(NotImplemented, "A copy reads from a bucket"));
    };
    only_current(version_id.as_deref(), None)?;
    if !replace && **from_bucket == *input.bucket && **from_key == *input.key {
        return Err(s3_error!(InvalidRequest, "This copy would put an object in its own place without changing it."));
    }
    let target = conditions::Write {
        if_match: condition(&req.headers, "if-match")?,
        if_none_match: condition(&req.headers, "if-none-match")?,
    };
    let wanted = conditions::Read {
        if_match: input.copy_source_if_match.clone(),
        if_none_match: input.copy_source_if_none_match.clone(),
        if_modified_since: input.copy_source_if_modified_since.clone(),
        if_unmodified_since: input.copy_source_if_unmodified_since.clone(),
    };
    let (source, file) = open(store, from_bucket.to_string(), from_key.to_string()).await?;
    // A copy answers 412 where a read would answer 304: it has nothing to say "you have it already" about.
    wanted.check(&source.etag, &timestamp(source.modified)).map_err(|_| Refusal::Failed)?;
    let mut about = if replace { about_of!(input)? } else { source.about.clone() };
    let algorithms = match &input.checksum_algorithm {
        Some(asked) => BTreeSet::from([Algorithm::named(asked.as_str())?]),
        None => source.about.sums.keys().copied().collect(),
    };
    let mut sink = store.bodies().draft(&algorithms).await?;
    sink.append(file.into()).await.map_err(S3Error::internal_error)?;
    let draft = sink.finish().await?;
    about.sums = draft.digest.sums.clone();
    about.composite = false;
    let etag = hex::encode(draft.digest.md5);
    let (bucket, key) = (input.bucket, input.key);
    let object = store.index(move |index| write(index, &bucket, &key, &target, etag, about, draft)).await?;
    let mut result = CopyObjectResult {
        e_tag: Some(ETag::Strong(object.etag)),
        last_modified: Some(timestamp(object.modified)),
        checksum_type: Some(ChecksumType::from_static(ChecksumType::FULL_OBJECT)),
        ..Default::default()
    };
    set_checksums!(result, &object.about.sums);
    Ok(CopyObjectOutput { copy_object_result: Some(result), ..Default::default() })
}

/// `s3s` 0.14 does not hand these two headers of a copy on, and a condition that is not looked at is a broken one.
fn condition(headers: &HeaderMap, name: &str) -> S3Result<Option<ETagCondition>> {
    let value = headers.get(name).map(|value| ETagCondition::parse_http_header(value.as_bytes()));
    value.transpose().map_err(|_| s3_error!(InvalidArgument, "{name} does not name an ETag"))
}

/// Finds an object and opens its body, in one transaction, so that no writer can come between the two.
async fn open(store: &Store, bucket: String, key: String) -> S3Result<(Object, File)> {
    let files = store.clone();
    store
        .index(move |index| {
            let object = find(index, &bucket, &key)?;
            let file = File::open(files.bodies().path(&object.body)).map_err(S3Error::internal_error)?;
            let bytes = file.metadata().map_err(S3Error::internal_error)?.len();
            if bytes != object.size {
                return Err(s3_error!(InternalError, "The stored body has {bytes} bytes in place of {}.", object.size));
            }
            Ok((object, file))
        })
        .await
}

fn find(index: &Index<'_>, bucket: &str, key: &str) -> S3Result<Object> {
    need_bucket(index, bucket)?;
    index.object(bucket, key)?.ok_or_else(|| Refusal::Missing.into())
}

/// Answers `NoSuchBucket` where there is none.
pub(crate) fn need_bucket(index: &Index<'_>, bucket: &str) -> S3Result<()> {
    match index.has_bucket(bucket)? {
        true => Ok(()),
        false => Err(s3_error!(NoSuchBucket, "The specified bucket does not exist")),
    }
}

/// Holds a key that came in a body to what `s3s` holds one in a path to.
fn need_key(key: &str) -> S3Result<()> {
    match key {
        "" => Err(s3_error!(UserKeyMustBeSpecified)),
        _ if !s3s::path::check_key(key) => Err(s3_error!(KeyTooLongError, "Your key is too long")),
        _ => Ok(()),
    }
}

/// Objects here have one version, `null`, and are not read by parts.
fn only_current(version: Option<&str>, part: Option<i32>) -> S3Result<()> {
    match (version, part) {
        (None | Some("null"), None) => Ok(()),
        (_, Some(_)) => Err(s3_error!(NotImplemented, "partNumber is not kept by this store")),
        _ => Err(s3_error!(InvalidArgument, "Invalid version id specified")),
    }
}

/// The bytes `start..end` that a range means in an object of `size` bytes.
fn span(range: Option<Range>, size: u64) -> S3Result<(u64, u64)> {
    match range {
        None => Ok((0, size)),
        Some(_) if size == 0 => Err(s3_error!(InvalidRange, "The requested range is not satisfiable")),
        Some(range) => range.check(size).map(|span| (span.start, span.end)).map_err(S3Error::from),
    }
}

/// What a read says about an object, if its conditions hold.
fn described(
    object: &Object,
    conditions: &conditions::Read,
    checksum_mode: Option<&ChecksumMode>,
    range: Option<Range>,
) -> S3Result<GetObjectOutput> {
    let modified = timestamp(object.modified);
    conditions.check(&object.etag, &modified).map_err(|refusal| unread(refusal, object, &modified))?;
    let (start, end) = span(range, object.size)?;
    let about = object.about.clone();
    let mut output = GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: about.cache_control,
        content_disposition: about.content_disposition,
        content_encoding: about.content_encoding,
        content_language: about.content_language,
        content_length: Some((end - start) as i64),
        content_range: range.map(|_| format!("bytes {start}-{}/{}", end - 1, object.size)),
        content_type: Some(about.content_type.unwrap_or_else(|| UNTYPED.to_owned())),
        e_tag: Some(ETag::Strong(object.etag.clone())),
        expires: about.expires,
        last_modified: Some(modified),
        metadata: Some(about.metadata.into_iter().collect()),
        ..Default::default()
    };
    // The checksums are those of the whole, so that a range goes without.
    if checksum_mode.is_some_and(|mode| mode.as_str() == ChecksumMode::ENABLED) && range.is_none() {
        let kind = if about.composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT };
        output.checksum_type = Some(ChecksumType::from_static(kind));
        set_checksums!(output, &about.sums as &Checksums);
    }
    Ok(output)
}

/// A refused read; "you have it already" comes with the validators that a cache renews its copy by.
fn unread(refusal: Refusal, object: &Object, modified: &Timestamp) -> S3Error {
    let mut error = S3Error::from(refusal);
    if refusal == Refusal::NotModified {
        let mut headers = HeaderMap::new();
        if let Ok(etag) = ETag::Strong(object.etag.clone()).to_http_header() {
            headers.insert(http::header::ETAG, etag);
        }
        let mut date = Vec::new();
        if modified.format(TimestampFormat::HttpDate, &mut date).is_ok()
            && let Ok(date) = http::HeaderValue::from_bytes(&date)
        {
            headers.insert(http::header::LAST_MODIFIED, date);
        }
        error.set_headers(headers);
    }
    error
}

/// The moment `seconds` after the start of 1970.
pub(crate) fn timestamp(seconds: i64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()))
}
