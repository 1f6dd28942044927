//! Which partition a query reads: the value that its key condition sets `pk` equal to.
//!
//! DynamoDB takes `<key> = :v`, alone or joined to one condition on the sort key by `AND`. That form is found here, and no
//! other: whatever is unclear does not pass.

use super::{Refusal, dynamodb};
use crate::ids::TenantId;
use aws_sdk_dynamodb::operation::query::QueryInput;

/// Holds a query to `tenant`: the partition that it reads, and where it starts.
pub(super) fn check(query: &QueryInput, tenant: &TenantId) -> Result<(), Refusal> {
    // The older form of a key condition, which nothing here writes.
    if query.key_conditions().is_some() {
        return Err(Refusal::Operation);
    }
    if query.exclusive_start_key().is_some() {
        dynamodb::item(query.exclusive_start_key(), tenant)?;
    }
    let name = |token: &str| match token.starts_with('#') {
        true => query.expression_attribute_names().and_then(|names| names.get(token)).map(String::as_str),
        false => None,
    };
    let is_leading = |token: &str| token == dynamodb::LEADING || name(token) == Some(dynamodb::LEADING);
    let value = partition(query.key_condition_expression().unwrap_or_default(), is_leading)?;
    let values = query.expression_attribute_values();
    dynamodb::leading(values.and_then(|values| values.get(value)), tenant)
}

/// The name of the value to which `expression` sets the leading key equal.
fn partition(expression: &str, is_leading: impl Fn(&str) -> bool) -> Result<&str, Refusal> {
    let mut found = None;
    // A condition's text since the last `AND`: at most three words matter.
    let mut before = ["", "", ""];
    let mut words = 0;
    for token in tokens(expression).chain(["AND"]) {
        if token.eq_ignore_ascii_case("OR") || token.eq_ignore_ascii_case("NOT") {
            return Err(Refusal::Operation);
        }
        if token == "(" || token == ")" {
            continue;
        }
        if !token.eq_ignore_ascii_case("AND") {
            if let Some(place) = before.get_mut(words) {
                *place = token;
            }
            words += 1;
            continue;
        }
        let [key, sign, value] = before;
        if words == 3 && is_leading(key) && sign == "=" && value.starts_with(':') {
            match found {
                None => found = Some(value),
                Some(_) => return Err(Refusal::Operation),
            }
        }
        words = 0;
    }
    found.ok_or(Refusal::Unkeyed)
}

/// The words and signs of an expression, without what stands between them.
fn tokens(expression: &str) -> impl Iterator<Item = &str> {
    let mut rest = expression;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        let first = rest.chars().next()?;
        let length = match first {
            c if is_word(c) => rest.find(|c| !is_word(c)).unwrap_or(rest.len()),
            '<' | '>' => rest.find(|c| !matches!(c, '<' | '>' | '=')).unwrap_or(rest.len()),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at(length);
        rest = after;
        Some(token)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '#' | ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expression: &str) -> Result<&str, Refusal> {
        partition(expression, |token| token == "pk" || token == "#k")
    }

    #[test]
    fn the_partition_is_found_in_every_form_in_which_it_can_be_written() {
        for good in [
            "pk = :a",
            "pk=:a",
            " ( pk = :a ) ",
            "(pk = :a) AND (begins_with(sk, :b))",
            "pk = :a and sk BETWEEN :b AND :c",
            "begins_with(sk, :b) AND #k = :a",
            "sk >= :b AND pk=:a",
            "sk between :b and :c and pk = :a",
        ] {
            assert_eq!(of(good), Ok(":a"), "{good}");
        }
    }

    #[test]
    fn what_names_no_partition_or_perhaps_another_does_not_pass() {
        for bad in [
            "",
            "sk = :a",
            "pk <> :a",
            "pk >= :a",
            "begins_with(pk, :a)",
            "pk = :a OR pk = :b",
            "NOT pk = :a",
            "pk = :a AND pk = :b",
            "pk = pk",
            ":a = pk",
            "xpk = :a",
            "#j = :a",
            "pk IN (:a)",
            "pk = :a :b",
            "pk BETWEEN :a AND :b",
            "pk.x = :a",
        ] {
            assert!(of(bad).is_err(), "{bad}");
        }
    }
}
