//! Documents on disk between their arrival in any order and their indexing in the order of their ids.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::document::Document;
use crate::text;

use super::BuildError;

/// The longest id, in bytes.
const LONGEST_ID: usize = 1_024;

/// Documents as JSON in a file, and where each begins.
pub(crate) struct Spool {
    file: BufReader<File>,
    /// Id, offset and length in bytes, in the order of ids.
    places: Vec<(String, u64, u32)>,
    /// The last terms of the documents' categories.
    heads: BTreeSet<String>,
}

impl Spool {
    /// Writes `documents` to a new file at `path`.
    pub(crate) fn fill(path: &Path, documents: impl Iterator<Item = Document>) -> Result<Self, BuildError> {
        let mut out =
            BufWriter::with_capacity(1 << 16, File::options().read(true).write(true).create_new(true).open(path)?);
        let mut places = Vec::new();
        let mut heads = BTreeSet::new();
        let mut offset = 0_u64;
        for document in documents {
            if document.id.is_empty() || document.id.len() > LONGEST_ID {
                return Err(BuildError::BadId(document.id));
            }
            let last = document.category.as_deref().and_then(|category| text::words(category).pop());
            if let Some(last) = last.filter(|word| !text::has_digit(word)) {
                heads.insert(text::term(&last));
            }
            let json = serde_json::to_vec(&document).expect("a document has text keys");
            out.write_all(&json)?;
            let length = u32::try_from(json.len()).map_err(|_| BuildError::TooMany)?;
            places.push((document.id, offset, length));
            offset += u64::from(length);
        }
        if places.len() >= 1 << 31 {
            return Err(BuildError::TooMany);
        }
        places.sort_unstable();
        if let Some(twice) = places.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(BuildError::DuplicateId(twice[0].0.clone()));
        }
        let file = out.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        Ok(Self { file: BufReader::with_capacity(1 << 16, file), places, heads })
    }

    pub(crate) fn len(&self) -> u64 {
        self.places.len() as u64
    }

    /// The ids in order.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> + Clone {
        self.places.iter().map(|(id, _, _)| id.as_str())
    }

    /// The last terms of the documents' categories.
    pub(crate) fn take_heads(&mut self) -> BTreeSet<String> {
        std::mem::take(&mut self.heads)
    }

    /// Hands every document, with its JSON, to `each` in the order of ids.
    pub(crate) fn drain(
        mut self,
        mut each: impl FnMut(&[u8], Document) -> Result<(), BuildError>,
    ) -> Result<(), BuildError> {
        let mut json = Vec::new();
        let mut at = self.file.seek(SeekFrom::Start(0))?;
        for (_, offset, length) in &self.places {
            // Relative, so that documents that came in order are read through one buffer.
            self.file.seek_relative(*offset as i64 - at as i64)?;
            json.resize(*length as usize, 0);
            self.file.read_exact(&mut json)?;
            at = offset + u64::from(*length);
            let document = serde_json::from_slice(&json).map_err(std::io::Error::from)?;
            each(&json, document)?;
        }
        Ok(())
    }
}
