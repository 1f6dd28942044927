//! Every way to tamper with a log that we know: with the head each is found and the first bad entry named; without one exactly
//! those that cannot be shown are not, and the report says so.

use super::super::{
    leaf_hash,
    note::{Head, LogKey, origin},
    proof::{Proof, extends, extension, includes},
    tree::{Tree, hash},
    verify::{Fault, Report, TextState, Verifier, lines, rebuilt},
    *,
};
use crate::{digest::Digest, secrets::SecretString};
use jiff::Timestamp;
use std::collections::BTreeMap;

const SIZE: usize = 300;

fn key() -> LogKey {
    let secret = SecretString::from("0123456789abcdef0123456789abcdef".to_owned());
    LogKey::derive(&secret, &origin("test", &"acme".parse().unwrap())).unwrap()
}

fn row(seq: u64, salt: &str) -> LeafRow {
    let text = Some(Digest::of(format!("{salt}{seq}").as_bytes()));
    let id = Digest::of(format!("id {salt}{seq}").as_bytes()).to_string()[..32].to_owned();
    let leaf = Leaf { v: 1, seq, at: Timestamp::UNIX_EPOCH, id, kind: "test.done".to_owned(), of: None, text };
    leaf.row()
}

fn log() -> Vec<LeafRow> {
    (0..SIZE as u64).map(|seq| row(seq, "")).collect()
}

fn tree(rows: &[LeafRow]) -> Tree {
    let mut tree = Tree::default();
    rows.iter().for_each(|row| tree.push(&leaf_hash(row.leaf.as_bytes())).unwrap());
    tree
}

fn head(rows: &[LeafRow], size: usize) -> Head {
    key().sign(size as u64, tree(&rows[..size]).root().unwrap()).unwrap()
}

fn check(rows: &[LeafRow], heads: &[Head]) -> Report {
    let text: Vec<Vec<u8>> = rows.iter().map(|row| serde_json::to_vec(row).unwrap()).collect();
    lines(text.iter().map(Vec::as_slice), heads).unwrap()
}

fn edited(row: &LeafRow) -> String {
    row.leaf.replace("test.done", "test.gone")
}

/// A kind of tampering: its name, what it does at a place, which place is named, whether it shows without a head.
type Kind = (&'static str, fn(Vec<LeafRow>, usize) -> Vec<LeafRow>, fn(usize) -> u64, bool);

fn at(place: usize) -> u64 {
    place as u64
}

const KINDS: &[Kind] = &[
    (
        "edited",
        |mut rows, at| {
            rows[at].leaf = edited(&rows[at]);
            rows
        },
        at,
        true,
    ),
    (
        "its hash edited",
        |mut rows, at| {
            rows[at].leaf_hash = Digest::of(b"x");
            rows
        },
        at,
        true,
    ),
    (
        "a space added",
        |mut rows, at| {
            rows[at].leaf.push(' ');
            rows
        },
        at,
        true,
    ),
    (
        "made no leaf",
        |mut rows, at| {
            rows[at].leaf = "{}".to_owned();
            rows
        },
        at,
        true,
    ),
    (
        "deleted",
        |mut rows, at| {
            rows.remove(at);
            rows
        },
        at,
        true,
    ),
    (
        "inserted",
        |mut rows, at| {
            rows.insert(at, row(at as u64, "new"));
            rows
        },
        |at| at as u64 + 1,
        true,
    ),
    (
        "swapped with the next",
        |mut rows, at| {
            rows.swap(at, at + 1);
            rows
        },
        at,
        true,
    ),
    (
        "moved to the end",
        |mut rows, at| {
            let moved = rows.remove(at);
            rows.push(moved);
            rows
        },
        at,
        true,
    ),
    (
        "reversed from here",
        |mut rows, at| {
            rows[at..].reverse();
            rows
        },
        at,
        true,
    ),
    (
        "repeated",
        |mut rows, at| {
            let again = rows[at].clone();
            rows.insert(at, again);
            rows
        },
        |at| at as u64 + 1,
        true,
    ),
    (
        "written over with another",
        |mut rows, at| {
            rows[at] = rows[at + 1].clone();
            rows
        },
        at,
        true,
    ),
    (
        "cut off",
        |mut rows, at| {
            rows.truncate(at);
            rows
        },
        at,
        false,
    ),
    (
        "edited and its hash made anew",
        |mut rows, at| {
            let leaf = edited(&rows[at]);
            rows[at] = LeafRow { leaf_hash: leaf_hash(leaf.as_bytes()), leaf };
            rows
        },
        at,
        false,
    ),
    (
        "edited and all made anew",
        |mut rows, at| {
            rows[at].leaf = edited(&rows[at]);
            rebuilt(rows.into_iter().map(|row| row.leaf))
        },
        at,
        false,
    ),
    (
        "deleted and all made anew",
        |mut rows, at| {
            rows.remove(at);
            rebuilt(rows.into_iter().map(|row| row.leaf))
        },
        at,
        false,
    ),
    (
        "inserted and all made anew",
        |mut rows, at| {
            rows.insert(at, row(0, "new"));
            rebuilt(rows.into_iter().map(|row| row.leaf))
        },
        at,
        false,
    ),
    (
        "swapped and all made anew",
        |mut rows, at| {
            rows.swap(at, at + 1);
            rebuilt(rows.into_iter().map(|row| row.leaf))
        },
        at,
        false,
    ),
    (
        "another history from here",
        |mut rows, at| {
            for (n, place) in rows.iter_mut().enumerate().skip(at) {
                *place = row(n as u64, "fork");
            }
            rows
        },
        at,
        false,
    ),
];

/// The verdict with the exported tree at hand, which the head proves.
fn check_with_tiles(rows: &[LeafRow], true_rows: &[LeafRow], heads: &[Head]) -> Report {
    let signed: BTreeMap<u64, _> =
        true_rows.iter().map(|row| hash(&row.leaf_hash)).enumerate().map(|(n, h)| (n as u64, h)).collect();
    let mut verifier = Verifier::default();
    rows.iter().for_each(|row| verifier.line(row, TextState::Unknown).unwrap());
    verifier.finish(heads, &signed).unwrap()
}

#[test]
fn every_tampering_is_found_with_the_head_and_without_it_what_can_be() {
    let rows = log();
    let heads = [head(&rows, 128), head(&rows, 200), head(&rows, SIZE)];
    assert!(check(&rows, &heads).is_sound() && check(&rows, &[]).is_sound());
    for (name, tamper, named, shows) in KINDS {
        for place in [0, 1, 127, 128, 199, 255, 256, SIZE - 2] {
            let bad = tamper(rows.clone(), place);
            let alone = check(&bad, &[]);
            assert_eq!(alone.first_bad.is_some(), *shows, "{name} at {place}, without a head: {alone}");
            assert!(alone.limits[0].starts_with("No signed head was at hand: a log that was cut"), "{alone}");
            if *shows {
                assert_eq!(alone.first_bad.as_ref().unwrap().0, named(place), "{name} at {place}: {alone}");
            }
            let (first, why) = check(&bad, &heads[2..]).first_bad.unwrap_or_else(|| panic!("{name} at {place}"));
            match why {
                // One head and nothing else: somewhere below it.
                Fault::NotSignedUntil(last) => assert!(!shows && (first, last) == (0, SIZE as u64 - 1), "{name}"),
                // Shorter than the head says, which shows; what else became of it does not.
                Fault::CutOff(_) => assert_eq!((first, *shows), (bad.len() as u64, false), "{name} at {place}"),
                _ => assert_eq!(first, named(place), "{name} at {place}: {why}"),
            }
            let (first, why) = check(&bad, &heads).first_bad.unwrap();
            if let Fault::NotSignedUntil(last) = why {
                assert!((first..=last).contains(&(place as u64)), "{name} at {place}: {first} to {last}");
                assert_eq!(
                    (first, last),
                    match place {
                        0..128 => (0, 127),
                        128..200 => (128, 199),
                        _ => (200, 299),
                    }
                );
            }
            let (first, why) = check_with_tiles(&bad, &rows, &heads).first_bad.unwrap();
            assert!(!matches!(why, Fault::NotSignedUntil(_)), "{name} at {place}");
            // The tree knows the leaf that was put in; the log's own form shows it by the next line only.
            let known = if *name == "inserted" { at(place) } else { named(place) };
            assert_eq!(first, known, "{name} at {place}, with the tree: {why}");
        }
    }
}

#[test]
fn a_rebuilt_log_of_a_hundred_edits_is_never_taken_for_the_signed_one() {
    let rows = log();
    let head = head(&rows, SIZE);
    for place in (0..SIZE).step_by(3) {
        let mut leaves: Vec<String> = rows.iter().map(|row| row.leaf.clone()).collect();
        leaves[place] = edited(&rows[place]);
        let bad = rebuilt(leaves);
        assert!(check(&bad, &[]).is_sound(), "without a head nothing shows");
        assert!(!check(&bad, std::slice::from_ref(&head)).is_sound(), "{place}");
    }
}

#[test]
fn forks_and_rollbacks_show_from_any_two_heads() {
    let rows = log();
    let mut other = rows.clone();
    (150..SIZE).for_each(|n| other[n] = row(n as u64, "fork"));
    let (early, late, forked) = (head(&rows, 200), head(&rows, SIZE), head(&other, SIZE));
    assert!(check(&rows, &[early.clone(), late.clone()]).is_sound());
    let fork = check(&other, &[early.clone(), forked.clone()]).first_bad.unwrap();
    assert_eq!(fork, (0, Fault::Fork(200)));
    let same_size = check(&rows, &[late.clone(), forked.clone()]).first_bad.unwrap();
    assert_eq!(same_size.1, Fault::Fork(SIZE as u64));
    let witness = check(&rows[..200], std::slice::from_ref(&late)).first_bad.unwrap();
    assert_eq!(witness, (200, Fault::CutOff(300)), "whoever kept the later head sees that the log was rolled back");
    // The two heads alone, with a proof.
    let path = extension(&tree(&rows), 200).unwrap();
    assert!(extends(200, 300, &early.root, &late.root, &path));
    assert!(!extends(200, 300, &early.root, &forked.root, &path));
}

#[test]
fn entries_after_the_head_are_said_not_to_be_covered() {
    let rows = log();
    let report = check(&rows, &[head(&rows, 200)]);
    assert!(report.is_sound() && report.proven == 200);
    assert!(report.to_string().contains("The 100 entries after the head are not covered"), "{report}");
}

#[test]
fn texts_are_held_to_their_leaves_and_what_was_erased_says_so() {
    let mut rows: Vec<LeafRow> = (0..5).map(|seq| row(seq, "")).collect();
    let gone = |leaf: u64| Leaf {
        kind: ERASED.to_owned(),
        of: Some("1,3".to_owned()),
        text: None,
        ..row(leaf, "").parsed().unwrap()
    };
    rows.push(gone(5).row());
    let told = |states: [Option<&str>; 5]| {
        let mut verifier = Verifier::default();
        for (n, row) in rows.iter().enumerate() {
            let state = states.get(n).copied().flatten().map_or(TextState::Gone, TextState::There);
            verifier.line(row, state).unwrap();
        }
        verifier.finish(&[], &BTreeMap::new()).unwrap()
    };
    let whole = told([Some("0"), None, Some("2"), None, Some("4")]);
    assert!(whole.is_sound() && whole.erased == [1, 3] && whole.to_string().contains("Erased texts: 1,3."), "{whole}");
    assert_eq!(told([Some("0"), None, None, None, Some("4")]).first_bad, Some((2, Fault::TextMissing)));
    assert_eq!(told([Some("0"), None, Some("2"), None, Some("5")]).first_bad, Some((4, Fault::TextEdited)));
}

#[test]
fn lines_that_are_no_rows_are_named() {
    let rows = log();
    let mut text: Vec<Vec<u8>> = rows.iter().map(|row| serde_json::to_vec(row).unwrap()).collect();
    text[7] = b"\xff{".to_vec();
    let report = lines(text.iter().map(Vec::as_slice), &[]).unwrap();
    assert_eq!(report.first_bad, Some((7, Fault::NotALeaf)));
}

#[test]
fn a_proof_is_small_is_read_back_and_holds_for_its_leaf_alone() {
    let rows = log();
    let (tree, head, key) = (tree(&rows), head(&rows, SIZE), key());
    for index in [0, 1, 254, 255, 256, SIZE as u64 - 1] {
        let proof = Proof::of(&tree, &head, index).unwrap();
        let text = proof.to_string();
        assert!(text.len() < 1_500, "{}", text.len());
        let read = Proof::parse(&text).unwrap();
        assert_eq!(read, proof);
        let leaf = |n: u64| leaf_hash(rows[n as usize].leaf.as_bytes());
        assert_eq!(read.check(&leaf(index), key.verifier()).unwrap(), head);
        assert!(read.check(&leaf((index + 1) % SIZE as u64), key.verifier()).is_err());
        for n in 0..proof.path.len() {
            let mut bad = proof.clone();
            bad.path[n].0[0] ^= 1;
            assert!(bad.check(&leaf(index), key.verifier()).is_err());
            let mut short = proof.clone();
            short.path.remove(n);
            assert!(short.check(&leaf(index), key.verifier()).is_err());
        }
        let moved = Proof { index: index ^ 1, ..proof.clone() };
        assert!(moved.check(&leaf(index), key.verifier()).is_err());
    }
    assert!(Proof::of(&tree, &head, SIZE as u64).is_err());
    for odd in ["", "\n\n", "c2sp.org/tlog-proof@v1\nindex x\n\n", "c2sp.org/tlog-proof@v1\n\n"] {
        assert!(Proof::parse(odd).is_err(), "{odd:?}");
    }
}

#[test]
fn proofs_of_every_size_hold_and_of_no_other() {
    let rows = log();
    let mut grown = Tree::default();
    let mut roots = vec![grown.root().unwrap()];
    for row in &rows[..70] {
        grown.push(&row.leaf_hash).unwrap();
        roots.push(grown.root().unwrap());
        let size = grown.size();
        for from in 0..=size {
            let path = extension(&grown, from).unwrap();
            assert!(extends(from, size, &roots[from as usize], &roots[size as usize], &path), "{from} to {size}");
            if from > 0 && from < size {
                assert!(!extends(from, size, &roots[from as usize - 1], &roots[size as usize], &path));
                assert!(!extends(from, size, &roots[from as usize], &roots[from as usize], &path));
            }
        }
    }
    let leaf = hash(&rows[0].leaf_hash);
    for size in [0, u64::MAX, 1 << 63] {
        assert!(!includes(0, size, &roots[1], &leaf, &[]) && !extends(1, size, &roots[1], &roots[1], &[leaf; 65]));
    }
    assert!(!includes(u64::MAX, 1, &roots[1], &leaf, &[]) && includes(0, 1, &roots[1], &leaf, &[]));
}
