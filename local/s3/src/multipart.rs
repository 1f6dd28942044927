//! Uploads in parts: each part is a body of its own, and completing puts them behind each other into one object.

use std::collections::BTreeSet;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::*;
use s3s::{S3Error, S3Request, S3Result, s3_error};
use tokio::fs::File;

use crate::checksums::{Algorithm, Checksums, Claim, checksums_of, composite, same_sums, set_checksums};
use crate::conditions;
use crate::index::{About, Index, Part as StoredPart, Upload};
use crate::objects::{about_of, need_bucket, receive, refuse_unsupported, timestamp, write};
use crate::store::Store;

/// The least that a part may have unless it is the last: 5 MiB, as on S3.
const PART_BYTES: u64 = 5 * 1024 * 1024;

/// The greatest number of a part, and the most that one answer lists.
const PARTS: i32 = 10_000;
const PAGE: i32 = 1000;

/// `CreateMultipartUpload`.
pub(crate) async fn create(store: &Store, input: CreateMultipartUploadInput) -> S3Result<CreateMultipartUploadOutput> {
    refuse_unsupported!(input)?;
    let asked = input.checksum_algorithm.as_ref().map(|asked| Algorithm::named(asked.as_str())).transpose()?;
    let algorithm = asked.unwrap_or(Algorithm::Crc64nvme);
    let kind = input.checksum_type.as_ref().map(ChecksumType::as_str);
    let composite = match (algorithm, kind) {
        (Algorithm::Sha1 | Algorithm::Sha256, Some(ChecksumType::FULL_OBJECT))
        | (Algorithm::Crc64nvme, Some(ChecksumType::COMPOSITE)) => {
            return Err(s3_error!(InvalidRequest, "{} has no checksum of that type", algorithm.name()));
        }
        (_, Some(kind)) => kind == ChecksumType::COMPOSITE,
        (_, None) => algorithm != Algorithm::Crc64nvme,
    };
    let upload = Upload { about: about_of!(input)?, algorithm, composite };
    let id = format!("{:032x}", rand::random::<u128>());
    let (bucket, key, upload_id) = (input.bucket.clone(), input.key.clone(), id.clone());
    store
        .index(move |index| {
            need_bucket(index, &bucket)?;
            Ok(index.add_upload(&upload_id, &bucket, &key, &upload)?)
        })
        .await?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: asked.map(|asked| ChecksumAlgorithm::from_static(asked.name())),
        checksum_type: asked.map(|_| checksum_type(composite)),
        ..Default::default()
    })
}

/// `UploadPart`: like a put, and like one it takes the place of an earlier part of its number.
pub(crate) async fn upload(store: &Store, req: S3Request<UploadPartInput>) -> S3Result<UploadPartOutput> {
    let input = req.input;
    if !(1..=PARTS).contains(&input.part_number) {
        return Err(s3_error!(InvalidArgument, "Part number must be an integer between 1 and 10000, inclusive"));
    }
    let (b, k, i) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let upload = store.index(move |index| need_upload(index, &i, &b, &k)).await?;
    let asked = input.checksum_algorithm.as_ref().map(ChecksumAlgorithm::as_str);
    let claim =
        Claim::read(&req.headers, req.trailing_headers, checksums_of!(input), asked, input.content_md5.as_deref())?;
    let also = BTreeSet::from([upload.algorithm]);
    let draft = receive(store, claim, &also, input.body, input.content_length).await?;
    let digest = draft.digest.clone();
    store
        .index(move |index| {
            need_upload(index, &input.upload_id, &input.bucket, &input.key)?;
            Ok(index.put_part(&input.upload_id, input.part_number, draft)?)
        })
        .await?;
    let mut output = UploadPartOutput { e_tag: Some(ETag::Strong(hex::encode(digest.md5))), ..Default::default() };
    set_checksums!(output, &digest.sums);
    Ok(output)
}

/// `ListParts`.
pub(crate) async fn list(store: &Store, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let max = match input.max_parts.unwrap_or(PAGE) {
        negative @ ..0 => return Err(s3_error!(InvalidArgument, "max-parts cannot be {negative}")),
        asked => asked.min(PAGE),
    };
    let marker = input.part_number_marker.unwrap_or(0);
    let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let (upload, mut parts) =
        store.index(move |index| Ok((need_upload(index, &id, &bucket, &key)?, index.parts(&id)?))).await?;
    parts.retain(|part| part.number > marker);
    let more = parts.len() > max as usize;
    parts.truncate(max as usize);
    let next = parts.last().map(|part| part.number);
    let parts = parts.into_iter().map(|stored| {
        let mut part = Part {
            part_number: Some(stored.number),
            e_tag: Some(ETag::Strong(stored.etag)),
            size: Some(stored.size as i64),
            last_modified: Some(timestamp(stored.modified)),
            ..Default::default()
        };
        set_checksums!(part, &stored.sums);
        part
    });
    Ok(ListPartsOutput {
        parts: Some(parts.collect()),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        checksum_algorithm: Some(ChecksumAlgorithm::from_static(upload.algorithm.name())),
        checksum_type: Some(checksum_type(upload.composite)),
        max_parts: Some(max),
        part_number_marker: Some(marker),
        is_truncated: Some(more),
        next_part_number_marker: next,
        ..Default::default()
    })
}

/// `AbortMultipartUpload`.
pub(crate) async fn abort(store: &Store, input: AbortMultipartUploadInput) -> S3Result<AbortMultipartUploadOutput> {
    store
        .index(move |index| {
            need_upload(index, &input.upload_id, &input.bucket, &input.key)?;
            Ok(index.drop_upload(&input.upload_id)?)
        })
        .await?;
    Ok(AbortMultipartUploadOutput::default())
}

/// `CompleteMultipartUpload`: joins the named parts into the object, if the conditions hold.
pub(crate) async fn complete(
    store: &Store,
    input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let named = input.multipart_upload.as_ref().and_then(|named| named.parts.clone()).unwrap_or_default();
    let (bucket, key, id) = (input.bucket.clone(), input.key.clone(), input.upload_id.clone());
    let (b, k, i) = (bucket.clone(), key.clone(), id.clone());
    let (upload, stored) = store.index(move |index| Ok((need_upload(index, &i, &b, &k)?, index.parts(&i)?))).await?;
    let chosen = choose(&named, stored)?;
    let bytes: u64 = chosen.iter().map(|part| part.size).sum();
    if input.mpu_object_size.is_some_and(|promised| promised != bytes as i64) {
        return Err(s3_error!(InvalidRequest, "The parts have {bytes} bytes, not those that were promised."));
    }
    let whole = if upload.composite { BTreeSet::new() } else { BTreeSet::from([upload.algorithm]) };
    let mut sink = store.bodies().draft(&whole).await?;
    for part in &chosen {
        // The file is gone if the part was replaced, or the upload ended, since it was looked up.
        let file = File::open(store.bodies().path(&part.body)).await.map_err(|_| invalid_part())?;
        sink.append(file).await.map_err(S3Error::internal_error)?;
    }
    let draft = sink.finish().await?;
    let sums = if upload.composite {
        let sums: Vec<Checksums> = chosen.iter().map(|part| part.sums.clone()).collect();
        composite(upload.algorithm, &sums).map(|sum| (upload.algorithm, sum)).into_iter().collect()
    } else {
        draft.digest.sums.clone()
    };
    same_sums(&checksums_of!(input), &sums)?;
    let about = About { sums: sums.clone(), composite: upload.composite, ..upload.about };
    let etag = joint_etag(&chosen);
    let conditions = conditions::Write { if_match: input.if_match, if_none_match: input.if_none_match };
    let object = store
        .index(move |index| {
            need_upload(index, &id, &bucket, &key)?;
            let now: BTreeSet<String> = index.parts(&id)?.into_iter().map(|part| part.body).collect();
            if chosen.iter().any(|part| !now.contains(&part.body)) {
                return Err(invalid_part());
            }
            let object = write(index, &bucket, &key, &conditions, etag, about, draft)?;
            index.drop_upload(&id)?;
            Ok(object)
        })
        .await?;
    let mut output = CompleteMultipartUploadOutput {
        location: Some(format!("/{}/{}", input.bucket, input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        e_tag: Some(ETag::Strong(object.etag)),
        checksum_type: Some(checksum_type(upload.composite)),
        ..Default::default()
    };
    set_checksums!(output, &sums);
    Ok(output)
}

/// The stored parts that a completion names: in order, each as it was uploaded, and none but the last too small.
fn choose(named: &[CompletedPart], stored: Vec<StoredPart>) -> S3Result<Vec<StoredPart>> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    if !named.is_sorted_by(|one, next| one.part_number < next.part_number) {
        return Err(s3_error!(InvalidPartOrder, "The parts must be listed in ascending order, each once."));
    }
    let mut chosen = Vec::with_capacity(named.len());
    for name in named {
        let part = stored.iter().find(|part| Some(part.number) == name.part_number).ok_or_else(invalid_part)?;
        let same_etag = name.e_tag.as_ref().is_none_or(|etag| etag.value() == part.etag);
        if !same_etag || same_sums(&checksums_of!(name), &part.sums).is_err() {
            return Err(invalid_part());
        }
        chosen.push(part.clone());
    }
    let before_last = &chosen[..chosen.len() - 1];
    if before_last.iter().any(|part| part.size < PART_BYTES) {
        return Err(s3_error!(EntityTooSmall, "A part other than the last is smaller than 5 MiB."));
    }
    Ok(chosen)
}

/// The ETag of parts put together: the MD5 of their MD5s, then `-` and their count.
fn joint_etag(parts: &[StoredPart]) -> String {
    let mut md5 = Md5::new();
    parts.iter().for_each(|part| md5.update(&part.md5));
    format!("{}-{}", hex::encode(md5.finalize()), parts.len())
}

fn need_upload(index: &Index<'_>, id: &str, bucket: &str, key: &str) -> S3Result<Upload> {
    need_bucket(index, bucket)?;
    index.upload(id, bucket, key)?.ok_or_else(|| {
        s3_error!(NoSuchUpload, "There is no such upload: its id is wrong, or it was completed or aborted.")
    })
}

fn invalid_part() -> S3Error {
    s3_error!(InvalidPart, "A named part was not found, or its ETag or checksum differs.")
}

fn checksum_type(composite: bool) -> ChecksumType {
    ChecksumType::from_static(if composite { ChecksumType::COMPOSITE } else { ChecksumType::FULL_OBJECT })
}
