//! Lines and quoted records out of a stream, each with the line it begins on.
//!
//! A quote that is never closed would make one record of the rest of the file. Here it costs its own line: when the record
//! grows past the limit or the file ends, that line is given up and reading goes on with the next one.

use super::MAX_ROW_BYTES;
use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
};

/// What quotes do to line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quotes {
    /// Between quotes a line end is part of the text (RFC 4180).
    Bind,
    /// A quote means itself.
    Literal,
}

/// A record without its line end, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Where it begins, counted from 1.
    pub(super) line: u64,
    pub(super) bytes: Result<Vec<u8>, &'static str>,
}

const TOO_LONG: &str = "the row is longer than 1 MiB";
const UNCLOSED: &str = "a quote is opened and not closed; write a quote inside a quoted field twice";

/// The records of a stream.
pub(super) struct Records<R> {
    reader: R,
    quotes: Quotes,
    /// The number of the line that is read next.
    line: u64,
    /// Lines that were read in search of a closing quote and belong to later records.
    ahead: VecDeque<Line>,
}

/// A line with its end; `None` where it was too long to be held.
type Line = Option<Vec<u8>>;

impl<R: BufRead> Records<R> {
    /// The records of `reader`, whose first line is number `line`.
    pub(super) fn new(reader: R, quotes: Quotes, line: u64) -> Self {
        Self { reader, quotes, line, ahead: VecDeque::new() }
    }

    /// The next record that is not blank.
    pub(super) fn next(&mut self) -> io::Result<Option<Record>> {
        loop {
            let line = self.line;
            let Some(first) = self.take()? else { return Ok(None) };
            let Some(first) = first else { return Ok(Some(Record { line, bytes: Err(TOO_LONG) })) };
            let bytes = match self.quotes {
                Quotes::Literal => Ok(first),
                Quotes::Bind => self.bind(first)?,
            };
            match bytes.map(trimmed) {
                Ok(bytes) if bytes.iter().all(u8::is_ascii_whitespace) => {}
                bytes => return Ok(Some(Record { line, bytes })),
            }
        }
    }

    /// Adds the lines to `first` that its quotes bind to it.
    fn bind(&mut self, first: Vec<u8>) -> io::Result<Result<Vec<u8>, &'static str>> {
        let mut state = Place::Start.after(&first);
        if state != Place::Quoted {
            return Ok(Ok(first));
        }
        let first_length = first.len();
        let (mut record, mut ends) = (first, Vec::new());
        while state == Place::Quoted {
            let next = if record.len() > MAX_ROW_BYTES { None } else { self.take()? };
            let Some(Some(next)) = next else {
                // Given up: what followed the first line is read again, line by line.
                let mut begin = first_length;
                let mut again: VecDeque<Line> = ends
                    .into_iter()
                    .map(|end| Some(record[std::mem::replace(&mut begin, end)..end].to_vec()))
                    .collect();
                again.extend(next);
                self.line -= again.len() as u64;
                again.append(&mut self.ahead);
                self.ahead = again;
                return Ok(Err(UNCLOSED));
            };
            state = state.after(&next);
            record.extend_from_slice(&next);
            ends.push(record.len());
        }
        Ok(Ok(record))
    }

    /// The next line with its end, `None` at the end of the file.
    fn take(&mut self) -> io::Result<Option<Line>> {
        let line = match self.ahead.pop_front() {
            Some(line) => line,
            None => match self.read()? {
                Some(line) => line,
                None => return Ok(None),
            },
        };
        self.line += 1;
        Ok(Some(line))
    }

    fn read(&mut self) -> io::Result<Option<Line>> {
        let mut line = Vec::new();
        let most = MAX_ROW_BYTES as u64 + 2;
        if self.reader.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.ends_with(b"\n") || (line.len() as u64) < most {
            return Ok(Some(Some(line)));
        }
        loop {
            line.clear();
            let read = self.reader.by_ref().take(most).read_until(b'\n', &mut line)?;
            if read == 0 || line.ends_with(b"\n") {
                return Ok(Some(None));
            }
        }
    }
}

/// Where the end of a text lies with regard to quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the beginning of a field.
    Start,
    /// In a field without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// After a quote that may close the field or be the first of two.
    Closing,
}

impl Place {
    fn after(self, bytes: &[u8]) -> Self {
        bytes.iter().fold(self, |place, byte| match (place, byte) {
            (Self::Quoted, b'"') => Self::Closing,
            (Self::Quoted, _) => Self::Quoted,
            (Self::Start | Self::Closing, b'"') => Self::Quoted,
            (_, b',' | b'\n') => Self::Start,
            _ => Self::Plain,
        })
    }
}

fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.ends_with(b"\n") {
        bytes.pop();
        if bytes.ends_with(b"\r") {
            bytes.pop();
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &[u8]) -> Vec<(u64, Result<String, &'static str>)> {
        let mut records = Records::new(text, Quotes::Bind, 1);
        let mut found = Vec::new();
        while let Some(record) = records.next().unwrap() {
            found.push((record.line, record.bytes.map(|bytes| String::from_utf8(bytes).unwrap())));
        }
        found
    }

    fn good(line: u64, text: &str) -> (u64, Result<String, &'static str>) {
        (line, Ok(text.to_owned()))
    }

    #[test]
    fn a_line_end_between_quotes_belongs_to_the_record() {
        let found = records(b"a,\"b\r\nc\n\",d\r\n\r\ne\n\n\"x\"\"\ny\",z");
        assert_eq!(found, [good(1, "a,\"b\r\nc\n\",d"), good(5, "e"), good(7, "\"x\"\"\ny\",z")]);
    }

    #[test]
    fn a_quote_inside_a_plain_field_binds_nothing() {
        assert_eq!(records(b"17\" tray,1\nb\"c\n"), [good(1, "17\" tray,1"), good(2, "b\"c")]);
    }

    #[test]
    fn an_unclosed_quote_costs_its_own_line() {
        assert_eq!(records(b"a\n\"b,c\nd\ne,f"), [good(1, "a"), (2, Err(UNCLOSED)), good(3, "d"), good(4, "e,f")]);
        let mut large = b"a,\"b\n".to_vec();
        for _ in 0..200_000 {
            large.extend_from_slice(b"0123456789\n");
        }
        let found = records(&large);
        assert_eq!((found.len(), &found[0]), (200_001, &(1, Err(UNCLOSED))));
        assert_eq!(found[200_000], good(200_001, "0123456789"));
    }

    #[test]
    fn a_line_past_the_limit_is_passed_over() {
        let mut text = vec![b'a'; 3 * MAX_ROW_BYTES];
        text.extend_from_slice(b"\nb\n");
        assert_eq!(records(&text), [(1, Err(TOO_LONG)), good(2, "b")]);
    }
}
