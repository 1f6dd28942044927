//! The file to import: unpacked where it is compressed, its size known, its rows counted.

use anyhow::{Context, Result, bail};
use flate2::read::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::{Path, PathBuf},
};
use tempfile::NamedTempFile;

/// A file that is ready to be uploaded.
#[derive(Debug)]
pub(super) struct Upload {
    /// What the catalog calls its form.
    pub(super) media_type: &'static str,
    /// Its size, unpacked.
    pub(super) bytes: u64,
    /// About how many rows it has: a line each; `None` where lines say nothing.
    pub(super) rows: Option<u64>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Given(PathBuf),
    Unpacked(NamedTempFile),
}

impl Upload {
    /// Opens a file by its name's end, and unpacks it beside the system's other temporary files if it ends in `.gz`.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let about = || path.display().to_string();
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        let packed = name.ends_with(".gz");
        let end = name.trim_end_matches(".gz").rsplit_once('.').map(|(_, end)| end).unwrap_or_default();
        let (media_type, header) = match end {
            "csv" => ("text/csv", Some(1)),
            "tsv" => ("text/tab-separated-values", Some(1)),
            "ndjson" | "jsonl" => ("application/x-ndjson", Some(0)),
            "json" => ("application/json", None),
            _ => bail!("{} is none of .csv, .tsv, .json, .ndjson, nor one of these with .gz", about()),
        };
        let file = File::open(path).with_context(about)?;
        let (place, counted) = if packed {
            let mut unpacked = NamedTempFile::new()?;
            let counted = count(BufReader::new(MultiGzDecoder::new(file)), unpacked.as_file_mut());
            (Place::Unpacked(unpacked), counted)
        } else {
            (Place::Given(path.to_owned()), count(BufReader::new(file), &mut io::sink()))
        };
        let (bytes, lines) = counted.with_context(about)?;
        let rows = header.map(|header: u64| lines.saturating_sub(header));
        Ok(Self { media_type, bytes, rows, place })
    }

    /// Where its bytes are.
    pub(super) fn path(&self) -> &Path {
        match &self.place {
            Place::Given(path) => path,
            Place::Unpacked(file) => file.path(),
        }
    }
}

/// Copies everything, and counts bytes and lines; a last line without an end is one too.
fn count(mut from: impl BufRead, to: &mut impl Write) -> io::Result<(u64, u64)> {
    let (mut bytes, mut lines, mut ended) = (0, 0, true);
    loop {
        let chunk = from.fill_buf()?;
        let Some(last) = chunk.last() else { break };
        to.write_all(chunk)?;
        lines += chunk.iter().filter(|byte| **byte == b'\n').count() as u64;
        ended = *last == b'\n';
        let length = chunk.len();
        bytes += length as u64;
        from.consume(length);
    }
    to.flush()?;
    Ok((bytes, lines + u64::from(!ended)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::fs;

    #[test]
    fn a_file_is_known_by_its_name_unpacked_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let text = "id,name,price\n1,a,1\n2,b,2";
        let mut packed = GzEncoder::new(Vec::new(), Compression::default());
        packed.write_all(text.as_bytes()).unwrap();
        let packed = packed.finish().unwrap();
        for (name, bytes, media_type, rows) in [
            ("a.csv", text.as_bytes(), "text/csv", Some(2)),
            ("a.TSV", text.as_bytes(), "text/tab-separated-values", Some(2)),
            ("a.csv.gz", &packed, "text/csv", Some(2)),
            ("a.ndjson", b"{}\n{}\n", "application/x-ndjson", Some(2)),
            ("a.json", b"[]", "application/json", None),
        ] {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            let upload = Upload::open(&path).unwrap();
            assert_eq!((upload.media_type, upload.rows), (media_type, rows), "{name}");
            assert_eq!(fs::metadata(upload.path()).unwrap().len(), upload.bytes, "{name}");
        }
    }

    #[test]
    fn a_damaged_archive_an_unknown_form_and_no_file_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path
        };
        assert!(Upload::open(&write("a.csv.gz", b"not gzip")).is_err());
        assert!(Upload::open(&write("a.xlsx", b"")).unwrap_err().to_string().contains(".ndjson"));
        assert!(Upload::open(&folder.path().join("none.csv")).is_err());
    }
}
