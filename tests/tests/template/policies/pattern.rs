//! IAM's patterns: `*` for any text, `?` for one character, and `${key}` for what the request's context holds under that key.

use super::evaluate::Context;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Any,
    One,
    Just(char),
}

/// A pattern whose variables have been filled in. What a variable brought is text: a `*` in it is a star and not a wildcard.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<Part>);

impl Pattern {
    /// `pattern` with its variables filled in from `context`; `None` where one has no value, so that nothing matches.
    pub(crate) fn filled(pattern: &str, context: &Context) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            parts.extend(before.chars().map(wild));
            let (key, after) = after.split_once('}').expect("a policy variable is closed");
            match key {
                "*" | "?" | "$" => parts.extend(key.chars().map(Part::Just)),
                key => parts.extend(context.one(key)?.chars().map(Part::Just)),
            }
            rest = after;
        }
        parts.extend(rest.chars().map(wild));
        Some(Self(parts))
    }

    /// Whether all of `text` is of this form.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let (parts, mut rest) = (&self.0, text.chars());
        let mut at = 0;
        // Where to go on from when what follows a star does not fit: after the star, one character later than the last time.
        let mut retry: Option<(usize, std::str::Chars<'_>)> = None;
        loop {
            let here = rest.clone();
            let fits = match (parts.get(at), rest.next()) {
                (None, None) => return true,
                (Some(Part::Any), _) => {
                    rest = here.clone();
                    retry = Some((at + 1, here));
                    true
                }
                (Some(Part::One), Some(_)) => true,
                (Some(Part::Just(c)), Some(found)) => *c == found,
                _ => false,
            };
            if fits {
                at += 1;
                continue;
            }
            let Some((after, from)) = &mut retry else { return false };
            if from.next().is_none() {
                return false;
            }
            (at, rest) = (*after, from.clone());
        }
    }

    /// Whether `text` is these characters and no others, wildcards taken as they are written.
    pub(crate) fn equals(&self, text: &str) -> bool {
        let written = self.0.iter().map(|part| match part {
            Part::Any => '*',
            Part::One => '?',
            Part::Just(c) => *c,
        });
        written.eq(text.chars())
    }
}

fn wild(c: char) -> Part {
    match c {
        '*' => Part::Any,
        '?' => Part::One,
        other => Part::Just(other),
    }
}

#[test]
fn a_star_is_any_text_and_a_question_mark_one_character() {
    let context = Context::of(&[("aws:PrincipalTag/tenant", &["acme"])]);
    let matches = |pattern: &str, text: &str| Pattern::filled(pattern, &context).is_some_and(|p| p.matches(text));
    assert!(matches("T#${aws:PrincipalTag/tenant}#*", "T#acme#S#north"));
    assert!(matches("T#${AWS:principaltag/Tenant}#*", "T#acme#"), "names of keys know no case");
    assert!(!matches("T#${aws:PrincipalTag/tenant}#*", "T#acme-2#S#north"));
    assert!(!matches("T#${aws:PrincipalTag/tenants}#*", "T##S#north"), "a variable without value matches nothing");
    assert!(matches("a*b*c", "axxbyyc") && !matches("a*b*c", "axxbyy") && matches("*", "") && matches("**", "x"));
    assert!(matches("?*", "x") && !matches("?*", "") && matches("a?c", "abc") && !matches("a?c", "ac"));
    let star = Context::of(&[("aws:PrincipalTag/tenant", &["*"])]);
    let filled = Pattern::filled("T#${aws:PrincipalTag/tenant}#${*}", &star).unwrap();
    assert!(filled.matches("T#*#*") && !filled.matches("T#acme#x"), "a star in a value is a star");
    assert!(filled.equals("T#*#*"));
}
