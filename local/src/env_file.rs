//! `.env`: settings and secrets of one laptop, never checked in.

use anyhow::{Context, Result, bail};
use std::{collections::BTreeMap, fs, io::ErrorKind, path::Path};

/// Reads `NAME=value` lines; an absent file is an empty one.
///
/// A value may stand in single or double quotes; `#` at a line's beginning, and after a space outside quotes, begins a
/// comment; `export` before the name is passed over.
///
/// # Errors
///
/// A file that cannot be read, or a line that is none of these, by its number and without its text.
pub fn read(file: &Path) -> Result<BTreeMap<String, String>> {
    match fs::read_to_string(file) {
        Ok(text) => parse(&text).with_context(|| file.display().to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(BTreeMap::new()),
        Err(error) => Err(error).with_context(|| file.display().to_string()),
    }
}

fn parse(text: &str) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((name, value)) = line.split_once('=') else { bail!("line {} is not NAME=value", number + 1) };
        let name = name.trim();
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            bail!("line {} has no name of letters, digits and _", number + 1);
        }
        let value = value.trim();
        let quoted = ['"', '\''].into_iter().find_map(|quote| value.strip_prefix(quote)?.split_once(quote));
        let bare = || value.split_once(" #").map_or(value, |(value, _)| value.trim_end());
        values.insert(name.to_owned(), quoted.map_or_else(bare, |(inside, _)| inside).to_owned());
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_a_shell_would_read_them() {
        let text = "# secrets\n\nexport A=1\nB = \"x # y\" # z\nC='$d'\nD=plain # note\nE=\nF=a=b\n";
        let values = parse(text).unwrap();
        let pairs: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("A", "1"), ("B", "x # y"), ("C", "$d"), ("D", "plain"), ("E", ""), ("F", "a=b")]);
    }

    #[test]
    fn a_line_that_cannot_be_read_is_named_by_number_and_its_text_stays_out() {
        let error = parse("A=1\nsk-secret\n").unwrap_err().to_string();
        assert_eq!(error, "line 2 is not NAME=value");
    }
}
