//! Which function answers a path, as API Gateway decides it: the most specific route of the template wins.

use crate::template::Template;

/// The template's routes, most specific first.
#[derive(Clone, Debug)]
pub(crate) struct RouteTable(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    method: String,
    path: String,
    segments: Vec<Segment>,
    binary: String,
}

/// Ordered by how specific it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Text(String),
    /// `{store_id}`: one segment, whatever it is.
    One(String),
    /// `{proxy+}`: all that is left, at least one.
    Rest(String),
}

/// A route that a request took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found<'a> {
    /// The Cargo binary of the function.
    pub(crate) binary: &'a str,
    /// `GET /catalog/stores/{store_id}`, or `$default` where the path has no such method.
    pub(crate) key: String,
    /// The path's parameters, by name.
    pub(crate) parameters: Vec<(String, String)>,
}

impl RouteTable {
    pub(crate) fn of(template: &Template) -> Self {
        let entry = |(function, route): (&crate::template::Function, &crate::template::Route)| Entry {
            method: route.method.to_ascii_uppercase(),
            path: route.path.clone(),
            segments: split(&route.path).map(segment).collect(),
            binary: function.binary.clone(),
        };
        let mut entries: Vec<Entry> = template.routes().map(entry).collect();
        entries.sort_by(|one, other| {
            let kinds = |entry: &Entry| entry.segments.iter().map(Segment::generality).collect::<Vec<_>>();
            kinds(one).cmp(&kinds(other)).then_with(|| one.path.cmp(&other.path))
        });
        Self(entries)
    }

    /// The function for a method and a decoded path.
    ///
    /// A path that exists for other methods only goes to its function all the same, which then answers 405 with the methods
    /// there are. API Gateway would answer 404.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Found<'_>> {
        let matching = |entry: &&Entry| parameters(&entry.segments, path).is_some();
        let takes = |entry: &&Entry| entry.method == method || entry.method == "ANY";
        let exact = self.0.iter().filter(takes).find(matching);
        let entry = exact.or_else(|| self.0.iter().find(matching))?;
        Some(Found {
            binary: &entry.binary,
            key: exact.map_or_else(|| "$default".to_owned(), |entry| format!("{} {}", entry.method, entry.path)),
            parameters: parameters(&entry.segments, path)?,
        })
    }
}

impl Segment {
    fn generality(&self) -> u8 {
        match self {
            Self::Text(_) => 0,
            Self::One(_) => 1,
            Self::Rest(_) => 2,
        }
    }
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
        None => Segment::Text(text.to_owned()),
        Some(name) => match name.strip_suffix('+') {
            None => Segment::One(name.to_owned()),
            Some(name) => Segment::Rest(name.to_owned()),
        },
    }
}

fn parameters(segments: &[Segment], path: &str) -> Option<Vec<(String, String)>> {
    let mut parts = split(path);
    let mut found = Vec::new();
    for segment in segments {
        let part = parts.next()?;
        match segment {
            Segment::Text(text) if text == part => {}
            Segment::Text(_) => return None,
            Segment::One(_) if part.is_empty() => return None,
            Segment::One(name) => found.push((name.clone(), part.to_owned())),
            Segment::Rest(name) => {
                let rest: Vec<&str> = std::iter::once(part).chain(parts.by_ref()).collect();
                found.push((name.clone(), rest.join("/")));
            }
        }
    }
    parts.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(routes: &[(&str, &str)]) -> RouteTable {
        let events: String = routes.iter().enumerate().fold(String::new(), |events, (n, route)| {
            let (method, path) = route.0.split_once(' ').unwrap();
            let resource = format!(
                "  F{n}:\n    Type: AWS::Serverless::Function\n    Metadata: {{BuildProperties: {{Binary: {}}}}}\n    Properties:\n      \
                 Events: {{R: {{Type: HttpApi, Properties: {{Method: {method}, Path: \"{path}\"}}}}}}\n",
                route.1
            );
            events + &resource
        });
        RouteTable::of(&Template::parse(&format!("Parameters: {{}}\nResources:\n{events}"), &[]).unwrap())
    }

    #[test]
    fn the_most_specific_route_wins_whatever_the_order() {
        let table = table(&[
            ("GET /files/{all+}", "rest"),
            ("GET /files/{id}", "one"),
            ("GET /files/new", "text"),
            ("GET /files/{id}/parts/{part}", "two"),
        ]);
        let binary = |path| table.find("GET", path).map(|found| found.binary.to_owned());
        assert_eq!(binary("/files/new").as_deref(), Some("text"));
        assert_eq!(binary("/files/old").as_deref(), Some("one"));
        assert_eq!(binary("/files/a/b").as_deref(), Some("rest"));
        assert_eq!(binary("/files/a/parts/b").as_deref(), Some("two"));
        for nowhere in ["/files", "/", "", "//", "/file/new", "/FILES/new"] {
            assert_eq!(binary(nowhere), None, "{nowhere}");
        }
    }

    #[test]
    fn a_path_goes_to_its_function_whatever_the_method() {
        let table = table(&[("GET /a/{id}", "get"), ("PUT /a/{id}", "put")]);
        let found = table.find("PUT", "/a/x#y").unwrap();
        assert_eq!((found.binary, found.key.as_str()), ("put", "PUT /a/{id}"));
        assert_eq!(found.parameters, [("id".to_owned(), "x#y".to_owned())]);
        assert_eq!(table.find("DELETE", "/a/x").unwrap().key, "$default");
        assert_eq!(table.find("GET", "/a/"), None);
    }
}
