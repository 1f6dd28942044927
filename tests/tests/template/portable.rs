//! The stack stands unchanged in anyone's account and region: only parameters and pseudo-parameters.

use crate::fault::{Faults, entries, texts};
use serde_json::Value;

pub(crate) fn check(whole: &Value, faults: &mut Faults) {
    for (section, value) in entries(whole).filter(|(section, _)| *section != "Description") {
        texts(value, section, &mut |place, text| {
            if place.ends_with(".Description") || place.ends_with(".AlarmDescription") {
                return;
            }
            faults.unless(!has_account(text), "portable.account", place, text);
            faults.unless(!has_region(text), "portable.region", place, text);
            faults.unless(!text.contains("arn:aws"), "portable.partition", place, text);
        });
    }
    for (id, resource) in entries(&whole["Resources"]) {
        for name in ["BucketName", "TableName"] {
            // A bucket's name is unique in the world and a table's in its account: CloudFormation makes them up.
            let given = &resource["Properties"][name];
            let literal = given.as_str().map_or_else(|| given["Fn::Sub"].is_string() && !varies(given), |_| true);
            faults.unless(given.is_null() || !literal, "portable.name", format!("{id}.{name}"), given);
        }
        for name in ["FunctionName", "QueueName", "TopicName", "LogGroupName", "AlarmName", "Name"] {
            let given = &resource["Properties"][name];
            faults.unless(!given.is_string(), "portable.name", format!("{id}.{name}"), given);
        }
    }
}

fn varies(name: &Value) -> bool {
    name["Fn::Sub"].as_str().is_some_and(|pattern| pattern.contains("${AWS::AccountId}"))
}

/// Twelve digits that stand alone.
fn has_account(text: &str) -> bool {
    text.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word.len() == 12 && word.bytes().all(|b| b.is_ascii_digit()))
}

/// `eu-central-1`, `us-gov-west-1`
fn has_region(text: &str) -> bool {
    let places = ["north", "south", "east", "west", "central", "northeast", "southeast", "northwest", "southwest"];
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    words.windows(3).any(|three| {
        let area = three[0].len() >= 2 && three[0].len() <= 3 && three[0].bytes().all(|b| b.is_ascii_lowercase());
        let number = three[2].len() == 1 && three[2].bytes().all(|b| b.is_ascii_digit());
        (area || three[0] == "gov" || three[0].starts_with("iso")) && places.contains(&three[1]) && number
    })
}
