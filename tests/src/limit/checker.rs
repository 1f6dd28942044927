//! What must hold of a history.
//!
//! It is said of stamps, answers and rows alone, and in other words than the code's, so that a mistake there is none here.

use super::{
    history::{Answer, History, Look, Send, Subject},
    state::State,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Twelve hours, in microseconds.
pub const TWELVE_HOURS: i64 = 12 * 60 * 60 * 1_000_000;

/// A promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// Any two notices of one subject are at least twelve hours apart.
    Apart,
    /// What was acknowledged is there, as it was acknowledged.
    Kept,
    /// Everything is told of once, or waits once.
    Once,
    /// Nothing is without its audit entry, and no entry without what it says was done.
    Audited,
    /// Subjects do not affect each other.
    Alone,
    /// Who is free is told, and who is not told is told why: by a notice of the same subject.
    Live,
    /// An error had a cause.
    Excused,
    /// While notices are off there are none.
    Silent,
}

/// A promise that was broken, and how.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// How.
    pub how: String,
}

/// What was found.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    /// Every promise that was broken.
    pub broken: Vec<Broken>,
    /// How many sendings there were.
    pub sends: usize,
    /// How many of them heard an error.
    pub errors: usize,
    /// How many looks while notices were off told nothing, though something was to be told: the next look of the subject told it.
    pub hushed: usize,
}

impl Findings {
    fn add(&mut self, rule: Rule, how: String) {
        self.broken.push(Broken { rule, how });
    }

    /// Whether a promise of this kind was broken.
    pub fn breaks(&self, rule: Rule) -> bool {
        self.broken.iter().any(|broken| broken.rule == rule)
    }
}

/// Holds a history, at whose end all that waited was told, and what is in the store then to every promise.
pub fn check(history: &History, state: &State) -> Findings {
    let mut found = Findings { sends: history.sends.len(), ..Findings::default() };
    apart(state, &mut found);
    answers(history, state, &mut found);
    looks(history, state, &mut found);
    once(history, state, &mut found);
    audited(state, &mut found);
    if history.calm {
        found.broken.extend(history.failed_flushes.iter().map(|how| Broken { rule: Rule::Excused, how: how.clone() }));
    }
    for row in state.put_off.iter().filter(|row| row.waits) {
        found.add(Rule::Live, format!("{}: {:?} waits for ever", row.subject, row.occurrences));
    }
    found
}

fn apart(state: &State, found: &mut Findings) {
    let mut stamps: BTreeMap<&Subject, Vec<i64>> = BTreeMap::new();
    for notice in &state.notices {
        stamps.entry(&notice.subject).or_default().push(notice.at);
    }
    for (subject, mut stamps) in stamps {
        stamps.sort_unstable();
        for pair in stamps.windows(2).filter(|pair| pair[1] - pair[0] < TWELVE_HOURS) {
            found.add(Rule::Apart, format!("{subject}: {} and {}", pair[0], pair[1]));
        }
    }
}

fn answers(history: &History, state: &State, found: &mut Findings) {
    let notices: HashMap<&str, _> = state.notices.iter().map(|notice| (notice.id.as_str(), notice)).collect();
    let stamps: HashSet<(&Subject, i64)> = state.notices.iter().map(|notice| (&notice.subject, notice.at)).collect();
    let anywhere: HashSet<i64> = state.notices.iter().map(|notice| notice.at).collect();
    for send in &history.sends {
        let Send { subject, occurrence, before, after, answer, .. } = send;
        let off = is_off(history, send.began, send.ended);
        if off && matches!(answer, Answer::Told(..) | Answer::PutOff(_)) {
            found.add(Rule::Silent, format!("{subject}: {occurrence} while off: {answer:?}"));
        }
        match answer {
            Answer::Told(id, at) => {
                let kept = notices.get(id.as_str()).filter(|notice| notice.subject == *subject && notice.at == *at);
                if !kept.is_some_and(|notice| notice.occurrences.contains(occurrence)) {
                    found.add(Rule::Kept, format!("{subject}: {occurrence} was told by {id}, which does not say so"));
                }
                if !(before..=after).contains(&at) {
                    found.add(Rule::Kept, format!("{subject}: {id} is of {at}, sent {before} to {after}"));
                }
            }
            Answer::Before(id) => {
                let kept = notices.get(id.as_str()).filter(|notice| notice.subject == *subject);
                if !kept.is_some_and(|notice| notice.occurrences.contains(occurrence)) {
                    found.add(Rule::Kept, format!("{subject}: {occurrence} is said to be in {id}"));
                }
                let earlier = |other: &&Send| other.occurrence == *occurrence && other.began < send.ended;
                if history.sends.iter().filter(earlier).count() < 2 {
                    found.add(Rule::Live, format!("{subject}: {occurrence} is said to be told, and was never sent"));
                }
            }
            Answer::PutOff(until) => {
                if until <= before {
                    found.add(Rule::Live, format!("{subject}: {occurrence} waits until {until}, sent at {before}"));
                }
                if !stamps.contains(&(subject, until - TWELVE_HOURS)) {
                    let rule = if anywhere.contains(&(until - TWELVE_HOURS)) { Rule::Alone } else { Rule::Live };
                    found.add(rule, format!("{subject}: {occurrence} waits until {until} for no notice of its own"));
                }
            }
            Answer::Off if history.off.is_empty() => {
                found.add(Rule::Live, format!("{subject}: {occurrence} was not told, notices being on"));
            }
            Answer::Error(error) => {
                found.errors += 1;
                if history.calm {
                    found.add(Rule::Excused, format!("{subject}: {occurrence}: {error}"));
                }
            }
            Answer::Off | Answer::Nothing => {}
        }
    }
}

/// Whether notices were certainly off from one place to the other.
fn is_off(history: &History, began: u64, ended: u64) -> bool {
    history.off.iter().any(|(from, to)| *from < began && ended < *to)
}

fn looks(history: &History, state: &State, found: &mut Findings) {
    for (at, Look { subject, began, ended, told }) in history.looks.iter().enumerate() {
        let off = is_off(history, *began, *ended);
        match told {
            Some(id) if off => found.add(Rule::Silent, format!("{subject}: a look while off told {id}")),
            Some(id) if !state.notices.iter().any(|notice| notice.id == *id && notice.subject == *subject) => {
                found.add(Rule::Kept, format!("{subject}: a look told {id}, which is not there"));
            }
            _ => {}
        }
        let next = history.looks[at + 1..].iter().find(|look| look.subject == *subject);
        found.hushed += usize::from(off && told.is_none() && next.is_some_and(|look| look.told.is_some()));
    }
}

fn once(history: &History, state: &State, found: &mut Findings) {
    let mut told: HashMap<(&Subject, &str), usize> = HashMap::new();
    for notice in &state.notices {
        if notice.count != notice.occurrences.len() as u64 {
            found.add(Rule::Once, format!("{} counts {} of {:?}", notice.id, notice.count, notice.occurrences));
        }
        for occurrence in &notice.occurrences {
            *told.entry((&notice.subject, occurrence)).or_default() += 1;
        }
    }
    for waits in state.put_off.iter().filter(|row| row.waits) {
        for occurrence in &waits.occurrences {
            *told.entry((&waits.subject, occurrence)).or_default() += 1;
        }
    }
    for ((subject, occurrence), times) in told.iter().filter(|(_, times)| **times > 1) {
        found.add(Rule::Once, format!("{subject}: {occurrence} is told of {times} times"));
    }
    let sent: HashSet<(&Subject, &str)> =
        history.sends.iter().map(|send| (&send.subject, send.occurrence.as_str())).collect();
    for (subject, occurrence) in told.keys().filter(|of| !sent.contains(*of)) {
        found.add(Rule::Alone, format!("{subject}: {occurrence} was never sent there"));
    }
    for send in &history.sends {
        let acknowledged = matches!(send.answer, Answer::Told(..) | Answer::PutOff(_) | Answer::Before(_));
        if acknowledged && !told.contains_key(&(&send.subject, send.occurrence.as_str())) {
            found.add(Rule::Once, format!("{}: {} is lost", send.subject, send.occurrence));
        }
    }
}

fn audited(state: &State, found: &mut Findings) {
    let mut entries: HashMap<(&str, &str, bool), usize> = HashMap::new();
    for entry in &state.entries {
        let waits = entry.kind == "notification.put_off";
        *entries.entry((&entry.tenant, &entry.of, waits)).or_default() += 1;
    }
    let notices = state.notices.iter().map(|notice| (notice.subject.tenant.as_str(), notice.id.as_str(), false));
    // What folds many into one was put off by nobody.
    let put_off = state.put_off.iter().filter(|row| !row.name.starts_with("all-"));
    let put_off = put_off.map(|row| (row.subject.tenant.as_str(), row.name.as_str(), true));
    for done in notices.chain(put_off) {
        let times = entries.remove(&done).unwrap_or_default();
        if times != 1 {
            found.add(Rule::Audited, format!("{done:?} has {times} entries"));
        }
    }
    for (said, _) in entries {
        found.add(Rule::Audited, format!("{said:?} is said to be done"));
    }
    if state.texts != state.entries.len() {
        found.add(Rule::Audited, format!("{} entries, {} texts", state.entries.len(), state.texts));
    }
    let mut messages: Vec<_> = state.messages.clone();
    messages.sort();
    let mut due: Vec<_> =
        state.notices.iter().map(|notice| (notice.subject.tenant.clone(), format!("{}-webhook", notice.id))).collect();
    due.sort();
    if messages != due {
        found.add(Rule::Audited, format!("{} messages for {} notices", messages.len(), due.len()));
    }
}
