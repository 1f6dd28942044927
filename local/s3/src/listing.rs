//! Listing: the keys of a bucket in order, a page at a time, with keys alike up to a delimiter folded into one.
//!
//! A continuation token is the hexadecimal form of the first key that the next page may show, so that it needs no
//! memory here and holds over a restart.

use s3s::dto::*;
use s3s::{S3Result, s3_error};

use crate::index::{Index, Object as Stored};
use crate::objects::{need_bucket, timestamp};
use crate::store::Store;

/// How many entries a page may have at most.
const PAGE: i32 = 1000;

/// One line of a page.
#[derive(Debug)]
enum Entry {
    Key(String, Box<Stored>),
    Prefix(String),
}

/// `ListObjectsV2`.
pub(crate) async fn list(store: &Store, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
    let max_keys = match input.max_keys.unwrap_or(PAGE) {
        negative @ ..0 => return Err(s3_error!(InvalidArgument, "max-keys cannot be {negative}")),
        asked => asked.min(PAGE),
    };
    let from = match (&input.continuation_token, &input.start_after) {
        (Some(token), _) => hex::decode(token)
            .map_err(|_| s3_error!(InvalidArgument, "The continuation token provided is incorrect"))?,
        (None, Some(key)) if !key.is_empty() => after(key),
        (None, _) => Vec::new(),
    };
    let prefix = input.prefix.clone().unwrap_or_default();
    let delimiter = input.delimiter.clone().filter(|delimiter| !delimiter.is_empty());
    let bucket = input.bucket.clone();
    let (entries, next) = store
        .index(move |index| {
            need_bucket(index, &bucket)?;
            page(index, &bucket, &prefix, delimiter.as_deref(), from, max_keys as usize)
        })
        .await?;
    let url = input.encoding_type.as_ref().is_some_and(|kind| kind.as_str() == EncodingType::URL);
    let shown = |text: String| if url { encoded(&text) } else { text };
    let key_count = entries.len() as i32;
    let (mut contents, mut common_prefixes) = (Vec::new(), Vec::new());
    for entry in entries {
        match entry {
            Entry::Prefix(prefix) => common_prefixes.push(CommonPrefix { prefix: Some(shown(prefix)) }),
            Entry::Key(key, stored) => contents.push(Object {
                key: Some(shown(key)),
                e_tag: Some(ETag::Strong(stored.etag)),
                size: Some(stored.size as i64),
                last_modified: Some(timestamp(stored.modified)),
                storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
                ..Default::default()
            }),
        }
    }
    Ok(ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(shown(input.prefix.unwrap_or_default())),
        delimiter: input.delimiter.map(shown),
        start_after: input.start_after.map(shown),
        max_keys: Some(max_keys),
        key_count: Some(key_count),
        is_truncated: Some(next.is_some()),
        next_continuation_token: next.map(hex::encode),
        continuation_token: input.continuation_token,
        encoding_type: input.encoding_type,
        contents: Some(contents),
        common_prefixes: Some(common_prefixes),
        ..Default::default()
    })
}

/// Up to `max` entries at or after `from`, and where the next page starts if there is more.
///
/// Each entry is one descent of the index, so that a prefix with a million keys costs no more than one key.
fn page(
    index: &Index<'_>,
    bucket: &str,
    prefix: &str,
    delimiter: Option<&str>,
    from: Vec<u8>,
    max: usize,
) -> S3Result<(Vec<Entry>, Option<Vec<u8>>)> {
    let end = past(prefix);
    let mut from = from.max(prefix.as_bytes().to_vec());
    let mut entries = Vec::new();
    while let Some((key, stored)) = index.next_object(bucket, &from, end.as_deref())? {
        if entries.len() == max {
            // A page of no entries has nothing to go on from, and S3 calls it complete.
            return Ok((entries, (max > 0).then_some(from)));
        }
        let folded = delimiter.and_then(|delimiter| fold(&key, prefix, delimiter));
        match folded {
            Some(common) => {
                let next = past(common);
                entries.push(Entry::Prefix(common.to_owned()));
                let Some(next) = next else { break };
                from = next;
            }
            None => {
                from = after(&key);
                entries.push(Entry::Key(key, Box::new(stored)));
            }
        }
    }
    Ok((entries, None))
}

/// The start of `key`, up to and with the first `delimiter` after `prefix`.
fn fold<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    let rest = key.strip_prefix(prefix)?;
    let at = rest.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// The least bytes greater than `key`.
fn after(key: &str) -> Vec<u8> {
    [key.as_bytes(), &[0]].concat()
}

/// The least bytes greater than everything that starts with `prefix`; `None` when all keys do.
///
/// UTF-8 has no byte 255, so that the last byte can always be raised by one.
fn past(prefix: &str) -> Option<Vec<u8>> {
    let mut bytes = prefix.as_bytes().to_vec();
    *bytes.last_mut()? += 1;
    Some(bytes)
}

/// `text` as `encoding-type=url` has it: everything but unreserved characters and `/` in percents.
fn encoded(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const KEPT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b'/');
    utf8_percent_encode(text, KEPT).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fold_at_the_first_delimiter_after_the_prefix() {
        assert_eq!(fold("a/b/c", "", "/"), Some("a/"));
        assert_eq!(fold("a/b/c", "a/", "/"), Some("a/b/"));
        assert_eq!(fold("a/b/c", "a/b/", "/"), None);
        assert_eq!(fold("//", "/", "/"), Some("//"));
        assert_eq!(fold("aXXb", "a", "XX"), Some("aXX"));
    }

    #[test]
    fn bounds_are_tight() {
        assert_eq!(after("a"), b"a\0");
        assert_eq!(past("a/"), Some(b"a0".to_vec()));
        assert_eq!(past(""), None);
        assert!(past("é").is_some_and(|end| end > "é\u{10ffff}".as_bytes().to_vec()));
    }

    #[test]
    fn encoded_text_keeps_only_what_every_reader_leaves_alone() {
        assert_eq!(encoded("a/b c+\r<é~"), "a/b%20c%2B%0D%3C%C3%A9~");
    }
}
