//! The elements of one JSON array out of a stream, each with the line it begins on; the array is never held whole.

use super::MAX_ROW_BYTES;
use std::io::{self, BufRead};

/// An element's text, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Element {
    /// Where it begins, counted from 1.
    pub(super) line: u64,
    pub(super) bytes: Result<Vec<u8>, &'static str>,
}

/// The elements of an array.
pub(super) struct Elements<R> {
    reader: R,
    line: u64,
    /// Whether the array is the member of an object.
    wrapped: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// After the opening bracket.
    First,
    /// After a comma.
    Next,
    /// After the closing bracket.
    Closed,
    Done,
}

const CUT: &str = "the file ends inside the list; rows after this one were not there to be read";
const TRAILING: &str = "the list ends here and something follows it; that was not read";
const COMMA: &str = "a row is missing between two commas, or before the end of the list";
const TOO_LONG: &str = "the row is longer than 1 MiB";

impl<R: BufRead> Elements<R> {
    /// Reads to the beginning of the array: `[`, or `{"products": [`. `None` where neither is there.
    pub(super) fn open(reader: R) -> io::Result<Option<Self>> {
        let mut elements = Self { reader, line: 1, wrapped: false, state: State::First };
        let mut first = elements.after_space()?;
        if first == Some(b'{') {
            elements.wrapped = true;
            for expected in *b"\"products\"" {
                let byte =
                    if expected == b'"' && first == Some(b'{') { elements.after_space()? } else { elements.byte()? };
                first = None;
                if byte != Some(expected) {
                    return Ok(None);
                }
            }
            if elements.after_space()? != Some(b':') {
                return Ok(None);
            }
            first = elements.after_space()?;
        }
        Ok((first == Some(b'[')).then_some(elements))
    }

    /// The next element. After one that says that the file is cut or goes on behind the list, there is none.
    pub(super) fn next(&mut self) -> io::Result<Option<Element>> {
        let first = match self.state {
            State::Done => return Ok(None),
            State::Closed => return self.end(),
            State::First => true,
            State::Next => false,
        };
        match self.after_space()? {
            None => self.over(CUT),
            Some(b']') if first => self.end(),
            Some(b',' | b']') => self.over(COMMA),
            Some(byte) => self.element(byte),
        }
    }

    fn over(&mut self, why: &'static str) -> io::Result<Option<Element>> {
        self.state = State::Done;
        Ok(Some(Element { line: self.line, bytes: Err(why) }))
    }

    /// After the closing bracket: nothing, or the brace that closes the object.
    fn end(&mut self) -> io::Result<Option<Element>> {
        self.state = State::Done;
        if self.wrapped && self.after_space()? != Some(b'}') {
            return self.over(CUT);
        }
        if self.after_space()?.is_some() { self.over(TRAILING) } else { Ok(None) }
    }

    fn element(&mut self, first: u8) -> io::Result<Option<Element>> {
        let (line, mut bytes, mut long) = (self.line, Vec::new(), false);
        let (mut depth, mut quoted, mut escaped, mut next) = (0_u32, false, false, Some(first));
        loop {
            let Some(byte) = next else {
                self.state = State::Done;
                return Ok(Some(Element { line, bytes: Err(CUT) }));
            };
            match byte {
                _ if escaped => escaped = false,
                b'\\' if quoted => escaped = true,
                b'"' => quoted = !quoted,
                _ if quoted => {}
                b'[' | b'{' => depth = depth.saturating_add(1),
                b',' | b']' if depth == 0 => {
                    self.state = if byte == b',' { State::Next } else { State::Closed };
                    return Ok(Some(Element { line, bytes: if long { Err(TOO_LONG) } else { Ok(bytes) } }));
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                _ => {}
            }
            match bytes.len() < MAX_ROW_BYTES {
                true => bytes.push(byte),
                false => long = true,
            }
            next = self.byte()?;
        }
    }

    fn after_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.byte()? {
                Some(b' ' | b'\t' | b'\r' | b'\n') => {}
                byte => return Ok(byte),
            }
        }
    }

    fn byte(&mut self) -> io::Result<Option<u8>> {
        let byte = self.reader.fill_buf()?.first().copied();
        if let Some(byte) = byte {
            self.reader.consume(1);
            self.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(text: &str) -> Option<Vec<(u64, Result<String, &'static str>)>> {
        let mut elements = Elements::open(text.as_bytes()).unwrap()?;
        let mut found = Vec::new();
        while let Some(element) = elements.next().unwrap() {
            let text = element.bytes.map(|bytes| String::from_utf8(bytes).unwrap().trim().to_owned());
            found.push((element.line, text));
        }
        Some(found)
    }

    fn good(line: u64, text: &str) -> (u64, Result<String, &'static str>) {
        (line, Ok(text.to_owned()))
    }

    #[test]
    fn elements_come_with_their_lines_whatever_they_hold() {
        let expected = [good(2, r#"{"a":"],[\"","b":[1,{}]}"#), good(3, "2"), good(5, r#""\\""#)];
        let list = "[\n{\"a\":\"],[\\\"\",\"b\":[1,{}]},\n 2\n,\n\"\\\\\"]\n";
        assert_eq!(elements(list).unwrap(), expected);
        assert_eq!(elements(&format!(" {{ \"products\" : {list} }} ")).unwrap(), expected);
        assert_eq!(elements("[]").unwrap(), []);
        assert_eq!(elements("{\"products\":[]}").unwrap(), []);
    }

    #[test]
    fn what_is_no_list_is_no_list() {
        for text in
            ["", "  ", "7", "\"[\"", "{}", "{\"items\":[]}", "{\"products\":{}}", "{ products:[]}", "{\"products\" []}"]
        {
            assert_eq!(elements(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_list_that_is_cut_or_goes_on_says_so_once() {
        for (text, rows, why) in [
            ("[", 0, CUT),
            ("[1", 0, CUT),
            ("[1,", 1, CUT),
            ("[1,{\"a\":\"]", 1, CUT),
            ("{\"products\":[1]", 1, CUT),
            ("[1]]", 1, TRAILING),
            ("[1] [2]", 1, TRAILING),
            ("[1,]", 1, COMMA),
            ("[,1]", 0, COMMA),
        ] {
            let found = elements(text).unwrap();
            assert_eq!((found.len(), &found[rows].1), (rows + 1, &Err(why)), "{text:?}");
        }
    }

    #[test]
    fn an_element_past_the_limit_is_passed_over() {
        let found = elements(&format!("[1,\"{}\",2]", "a".repeat(MAX_ROW_BYTES))).unwrap();
        assert_eq!(found, [good(1, "1"), (1, Err(TOO_LONG)), good(1, "2")]);
    }
}
