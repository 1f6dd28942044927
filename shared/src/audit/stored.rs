//! Checking and exporting a tenant's log where it is kept: rows of the table against heads and tree of the bucket.

use super::{
    LeafRow,
    checkpoint::{CheckpointError, Checkpoints},
    note::Head,
    tiles::{Exported, TilesError, WIDTH},
    tree::Hash,
    verify::{Fault, Report, TextState, Verifier},
};
use crate::tenant::TenantScope;
use std::collections::BTreeMap;

/// The most rows that are read at a time.
const PAGE: u32 = 1_000;

/// Checks a tenant's whole log against every head that was signed for it, and every text against its leaf. Where the leaves are
/// not those that were signed, the exported tree names the first one.
///
/// # Errors
///
/// [`CheckpointError`]: what could not be read. What is wrong with the log stands in the report.
pub async fn verify(checkpoints: &Checkpoints, tenant: &TenantScope) -> Result<Report, CheckpointError> {
    let log = checkpoints.log(tenant);
    let mut heads = checkpoints.heads(tenant).await?;
    heads.extend(checkpoints.latest(tenant).await?);
    let covered = heads.iter().map(|head| head.size).max().unwrap_or(0);
    let mut verifier = Verifier::default();
    let mut from = 0;
    loop {
        let leaves = log.leaves(from, PAGE).await?;
        let texts: BTreeMap<u64, _> = log.texts(from, PAGE).await?.rows.into_iter().collect();
        for (seq, row) in &leaves.rows {
            while (covered..*seq).contains(&verifier.lines()) {
                verifier.unfilled();
            }
            let text = texts.get(seq).map_or(TextState::Gone, |row| TextState::There(&row.text));
            verifier.line(row, text)?;
        }
        match leaves.rows.last() {
            Some((seq, _)) if leaves.more => from = seq + 1,
            _ => break,
        }
    }
    let report = verifier.finish(&heads, &BTreeMap::new())?;
    let last = match report.first_bad {
        Some((_, Fault::NotSignedUntil(last))) => last,
        Some((cut, Fault::CutOff(_))) if cut > report.proven => cut - 1,
        _ => return Ok(report),
    };
    match signed(checkpoints, tenant, &heads, report.proven, last).await {
        Ok(signed) => Ok(verifier.finish(&heads, &signed)?),
        Err(TilesError::Blob(error)) => Err(error.into()),
        Err(TilesError::Altered(why)) => {
            let mut report = report;
            report.limits.push(format!("The exported tree cannot name the entry: {why}."));
            Ok(report)
        }
    }
}

/// The hashes that were signed for the leaves from `first` to `last`.
async fn signed(
    checkpoints: &Checkpoints,
    tenant: &TenantScope,
    heads: &[Head],
    first: u64,
    last: u64,
) -> Result<BTreeMap<u64, Hash>, TilesError> {
    let files = checkpoints.files(tenant);
    let Some(head) = heads.iter().find(|head| head.size > last) else { return Ok(BTreeMap::new()) };
    let (mut exported, mut signed) = (Exported::new(&files, head), BTreeMap::new());
    let mut place = first;
    while place <= last {
        let hashes = exported.leaves(place, WIDTH.min(last + 1 - place)).await?;
        if hashes.is_empty() {
            break;
        }
        for hash in hashes {
            signed.insert(place, hash);
            place += 1;
        }
    }
    Ok(signed)
}

/// Every row of a tenant's log, in order, up to the first place that no head covers and that has no leaf yet.
///
/// # Errors
///
/// [`CheckpointError::Table`].
pub async fn rows(checkpoints: &Checkpoints, tenant: &TenantScope) -> Result<Vec<LeafRow>, CheckpointError> {
    let (log, mut rows) = (checkpoints.log(tenant), Vec::new());
    let covered = checkpoints.latest(tenant).await?.map_or(0, |head| head.size);
    let (mut from, mut expected) = (0, 0);
    loop {
        let page = log.leaves(from, PAGE).await?;
        let last = page.rows.last().map(|(seq, _)| *seq);
        for (seq, row) in page.rows {
            if seq != expected && expected >= covered {
                return Ok(rows);
            }
            rows.push(row);
            expected = seq + 1;
        }
        match last {
            Some(seq) if page.more => from = seq + 1,
            _ => return Ok(rows),
        }
    }
}
