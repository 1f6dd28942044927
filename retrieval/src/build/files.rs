//! The snapshot's files: names that do not depend on chance, and their digests.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::hash::Hash;
use crate::manifest::FileEntry;

use super::BuildError;

/// The segment's name in every snapshot, in place of the random one that the index gives it.
const SEGMENT: &str = "00000000000000000000000000000000";

/// The index's own list of segments.
const META: &str = "meta.json";

/// Moves the index's files from `from` to `to` under canonical names.
pub(crate) fn adopt_index(from: &Path, to: &Path) -> Result<(), BuildError> {
    let meta = fs::read_to_string(from.join(META))?;
    let mut random = None;
    for entry in fs::read_dir(from)? {
        let name = entry?.file_name();
        let Some((stem, extension)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
        // The other files (`.managed.json`, locks) belong to writing and are left behind.
        if stem.len() == SEGMENT.len() && stem.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            fs::rename(from.join(&name), to.join(format!("{SEGMENT}.{extension}")))?;
            random = Some(stem.to_owned());
        }
    }
    // meta.json writes the name with dashes.
    let renamed = match random {
        Some(stem) => meta.replace(&dashed(&stem), &dashed(SEGMENT)),
        None => meta,
    };
    fs::write(to.join(META), renamed)?;
    Ok(())
}

fn dashed(stem: &str) -> String {
    format!("{}-{}-{}-{}-{}", &stem[..8], &stem[8..12], &stem[12..16], &stem[16..20], &stem[20..])
}

/// Writes the ids in order, as [`crate::ids`] reads them.
pub(crate) fn write_ids<'a>(path: &Path, ids: impl Iterator<Item = &'a str> + Clone) -> Result<(), BuildError> {
    let mut out = BufWriter::new(File::create_new(path)?);
    let mut end = 0_u64;
    out.write_all(&(ids.clone().count() as u64).to_le_bytes())?;
    for id in ids.clone() {
        end += id.len() as u64;
        out.write_all(&end.to_le_bytes())?;
    }
    for id in ids {
        out.write_all(id.as_bytes())?;
    }
    Ok(out.flush()?)
}

/// Length and digest of every file in `dir`.
pub(crate) fn entries(dir: &Path) -> Result<BTreeMap<String, FileEntry>, BuildError> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let (sha256, bytes) = Hash::of_reader(File::open(entry.path())?)?;
        files.insert(name, FileEntry { bytes, sha256 });
    }
    Ok(files)
}
