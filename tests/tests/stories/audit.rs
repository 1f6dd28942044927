//! The audit log's proof: signed each minute, exported, checked; completed by the next run wherever one died, and never forked.

use jiff::SignedDuration;
use local::{Bundle, Options};
use serde_json::Value;
use shared::{
    audit::{
        Actor,
        checkpoint::{CheckpointError, Checkpoints},
        leaf_key,
        proof::{Proof, extends, extension},
        stored,
        tree::Tree,
        verify::{Fault, Report},
    },
    ids::PersonId,
};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use tests::{
    audit::{act, leave_a_gap, scope},
    faults::Faults,
};

const TENANT: &str = "acme";

/// The heads of the bundle's logs, as the job has them.
fn checkpoints(bundle: &Bundle) -> Checkpoints {
    let functions = &bundle.template().functions;
    let job = functions.iter().find(|function| function.binary == "audit-checkpoint").unwrap();
    let env = job.env.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let config = audit_checkpoint::Config::read(env).unwrap();
    audit_checkpoint::App::new(config, bundle.aws(), bundle.clock().clone()).checkpoints().clone()
}

async fn with<T, F: Future<Output = T>>(bundle: &Bundle, look: impl FnOnce(Checkpoints) -> F) -> T {
    scope(TENANT).act(look(checkpoints(bundle))).await
}

async fn verified(bundle: &Bundle) -> Report {
    with(bundle, async |all| stored::verify(&all, &scope(TENANT)).await.unwrap()).await
}

async fn minute(bundle: &Bundle) -> anyhow::Result<Value> {
    bundle.clock().advance(SignedDuration::from_secs(60));
    Ok(serde_json::from_str(&bundle.run_schedule("audit-checkpoint").await?)?)
}

/// Every head that was signed extends the one before, and the log gives them all.
async fn one_line_of_heads(bundle: &Bundle) -> Vec<u64> {
    with(bundle, async |all| {
        let (heads, rows) =
            (all.heads(&scope(TENANT)).await.unwrap(), stored::rows(&all, &scope(TENANT)).await.unwrap());
        let mut tree = Tree::default();
        let mut last: Option<&shared::audit::note::Head> = None;
        for head in &heads {
            while tree.size() < head.size {
                tree.push(&rows[tree.size() as usize].leaf_hash).unwrap();
            }
            assert_eq!(tree.root().unwrap(), head.root);
            if let Some(before) = last {
                let path = extension(&tree, before.size).unwrap();
                assert!(extends(before.size, head.size, &before.root, &head.root, &path));
            }
            last = Some(head);
        }
        heads.iter().map(|head| head.size).collect()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_is_signed_within_a_minute_and_proven() {
    let bundle = Bundle::empty().await;
    for n in 0..300 {
        act(&bundle, TENANT, &format!("a{n}")).await;
        if n % 100 == 7 {
            leave_a_gap(&bundle, TENANT, "a0").await;
        }
    }
    let ran = minute(&bundle).await.unwrap();
    assert_eq!((&ran["leaves"], &ran["voided"], &ran["waiting"]), (&303.into(), &3.into(), &1.into()), "{ran}");
    assert_eq!(minute(&bundle).await.unwrap()["waiting"], 0, "nothing waits any more");
    act(&bundle, TENANT, "b").await;
    leave_a_gap(&bundle, TENANT, "b").await;
    minute(&bundle).await.unwrap();
    assert_eq!(minute(&bundle).await.unwrap()["waiting"], 0, "also where the last place was not used");
    let report = verified(&bundle).await;
    assert!(report.is_sound() && (report.entries, report.proven, report.voids) == (305, 305, 4), "{report}");
    assert_eq!(one_line_of_heads(&bundle).await, [303, 305]);
    with(&bundle, async |all| {
        let rows = stored::rows(&all, &scope(TENANT)).await.unwrap();
        let mut tree = Tree::default();
        rows.iter().for_each(|row| tree.push(&row.leaf_hash).unwrap());
        let (head, key) = (all.latest(&scope(TENANT)).await.unwrap().unwrap(), all.key(&scope(TENANT)).await.unwrap());
        let proof = Proof::of(&tree, &head, 77).unwrap().to_string();
        Proof::parse(&proof).unwrap().check(&rows[77].leaf_hash, key.verifier()).unwrap();
    })
    .await;
    bundle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gap_that_somebody_may_yet_fill_is_waited_for() {
    let bundle = Bundle::empty().await;
    act(&bundle, TENANT, "a").await;
    leave_a_gap(&bundle, TENANT, "a").await;
    act(&bundle, TENANT, "b").await;
    let report = verified(&bundle).await;
    assert!(report.is_sound() && report.entries == 2, "an act that came to nothing is no fault: {report}");
    assert!(
        report.to_string().contains("Not filled yet, as their acts are under way or came to nothing: 1."),
        "{report}"
    );
    let exported = with(&bundle, async |all| stored::rows(&all, &scope(TENANT)).await.unwrap()).await;
    assert_eq!(exported.len(), 1, "what is exported ends before it");
    let ran: Value = serde_json::from_str(&bundle.run_schedule("audit-checkpoint").await.unwrap()).unwrap();
    assert_eq!((&ran["leaves"], &ran["voided"]), (&1.into(), &0.into()), "{ran}");
    let ran = minute(&bundle).await.unwrap();
    assert_eq!((&ran["leaves"], &ran["voided"]), (&2.into(), &1.into()), "{ran}");
    bundle.close().await;
}

/// The run dies after its `n`th write, for every `n`; more is done meanwhile, and the next run completes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_dies_between_any_two_writes_is_completed_and_no_head_forks() {
    let mut died = 0;
    for lost in [false, true] {
        for n in 0.. {
            let faults = Faults::new();
            let bundle = Bundle::open(faults.before(Options::for_tests())).await.unwrap();
            for k in 0..3 {
                act(&bundle, TENANT, &format!("a{k}")).await;
            }
            minute(&bundle).await.unwrap();
            act(&bundle, TENANT, "b").await;
            leave_a_gap(&bundle, TENANT, "b").await;
            act(&bundle, TENANT, "c").await;
            dying(&faults, n, lost);
            let ran = minute(&bundle).await;
            faults.clear();
            let whole = ran.is_ok();
            act(&bundle, TENANT, "d").await;
            // The run after it, and the one that covers what is left.
            for _ in 0..2 {
                minute(&bundle).await.unwrap_or_else(|error| panic!("write {n}, lost {lost}: {error:#}"));
            }
            let report = verified(&bundle).await;
            assert!(report.is_sound() && report.proven == report.entries, "write {n}, lost {lost}: {report}");
            let sizes = one_line_of_heads(&bundle).await;
            assert!(
                sizes.is_sorted() && sizes.first() == Some(&3) && sizes.last() == Some(&report.entries),
                "{sizes:?}"
            );
            assert_eq!(minute(&bundle).await.unwrap()["waiting"], 0);
            bundle.close().await;
            died += u64::from(!whole);
            if whole {
                break;
            }
        }
    }
    assert!(died >= 12, "only {died} places to die at");
}

/// The job's ways to write.
const WRITES: [&str; 3] = ["PutObject", "PutItem", "UpdateItem"];

/// After the job's `n`th write nothing of it reaches a store any more; or one more write does, and its reply is lost.
fn dying(faults: &Faults, n: u64, lost: bool) {
    let dead = move |faults: &Faults| {
        for operation in ["GetObject", "GetItem", "Query"].iter().chain(&WRITES) {
            if lost && WRITES.contains(operation) {
                faults.on(operation).by("audit-checkpoint").once().lose_reply();
            }
            faults.on(operation).by("audit-checkpoint").reset();
        }
    };
    if n == 0 {
        // What it reads before its first write it may read.
        return WRITES.iter().for_each(|operation| {
            if lost {
                faults.on(operation).by("audit-checkpoint").once().lose_reply();
            }
            faults.on(operation).by("audit-checkpoint").reset();
        });
    }
    let writes = Arc::new(AtomicU64::new(0));
    for operation in WRITES {
        let (then, writes) = (faults.clone(), writes.clone());
        faults.on(operation).by("audit-checkpoint").before(move || {
            if writes.fetch_add(1, Ordering::SeqCst) + 1 == n {
                then.clear();
                dead(&then);
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_altered_is_never_signed_further_and_costs_no_other_tenant() {
    let bundle = Bundle::empty().await;
    for n in 0..3 {
        act(&bundle, TENANT, &format!("a{n}")).await;
    }
    minute(&bundle).await.unwrap();
    let key = leaf_key(1);
    let client = bundle.aws().administrator().dynamodb();
    let set = |name: &str, value: &str| {
        let value = aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned());
        let update = client.update_item().table_name(&bundle.template().tables[0].name);
        let text = |text: String| aws_sdk_dynamodb::types::AttributeValue::S(text);
        let update = update.key("pk", text(format!("T#{TENANT}#{}", key.partition))).key("sk", text(key.sort.clone()));
        update
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", value)
            .send()
    };
    let rows = with(&bundle, async |all| stored::rows(&all, &scope(TENANT)).await.unwrap()).await;
    let edited = rows[1].leaf.replace("test.done", "test.gone");
    set("leaf", &edited).await.unwrap();
    set("leaf_hash", &shared::audit::leaf_hash(edited.as_bytes()).to_string()).await.unwrap();
    act(&bundle, TENANT, "later").await;
    act(&bundle, "other", "untouched").await;
    let failed = minute(&bundle).await.unwrap_err().to_string();
    assert!(failed.contains("\"altered\":1") && failed.contains("\"leaves\":1"), "{failed}");
    assert_eq!(one_altered(&bundle).await, [3], "no head beyond the one before");
    assert_eq!(verified(&bundle).await.first_bad, Some((1, Fault::NotSigned)), "the tree names the entry");
    bundle.close().await;
}

async fn one_altered(bundle: &Bundle) -> Vec<u64> {
    with(bundle, async |all| {
        let step = all.step(&scope(TENANT)).await;
        assert!(matches!(step, Err(CheckpointError::Altered(_))), "{step:?}");
        all.heads(&scope(TENANT)).await.unwrap().iter().map(|head| head.size).collect()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn after_an_erasure_the_log_still_verifies_and_says_so() {
    let bundle = Bundle::empty().await;
    for name in ["ada", "ada2", "bob"] {
        act(&bundle, TENANT, name).await;
    }
    minute(&bundle).await.unwrap();
    with(&bundle, async |all| {
        let by = Actor::Person(PersonId::from_subject("root").unwrap());
        let done = all.log(&scope(TENANT)).erase(&PersonId::from_subject("ada").unwrap(), &by).await.unwrap();
        assert_eq!(done.places, [0]);
    })
    .await;
    minute(&bundle).await.unwrap();
    let report = verified(&bundle).await;
    assert!(report.is_sound() && report.erased == [0] && report.proven == 4, "{report}");
    bundle.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_runs_at_once_one_wins_and_both_end_at_one_head() {
    let bundle = Bundle::empty().await;
    for round in 0..5 {
        for n in 0..3 {
            act(&bundle, TENANT, &format!("a{round}-{n}")).await;
        }
        bundle.clock().advance(SignedDuration::from_secs(60));
        let step = || with(&bundle, async |all| all.step(&scope(TENANT)).await.map(drop));
        let (one, two, three) = futures::join!(step(), step(), step());
        [one, two, three].into_iter().for_each(|done| done.unwrap());
    }
    minute(&bundle).await.unwrap();
    let report = verified(&bundle).await;
    assert!(report.is_sound() && (report.entries, report.proven) == (15, 15), "{report}");
    one_line_of_heads(&bundle).await;
    bundle.close().await;
}
