//! Checksums: which ones a request asks for, and whether the bytes that came have them.
//!
//! S3 takes a checksum as a header, as a trailer behind a streamed body, or as `Content-MD5`; all of those that a
//! request gives must hold before anything is stored. A request that asks for none gets CRC-64/NVME, as on S3.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Md5, Sha1, Sha256};
use s3s::{S3Result, TrailingHeaders, s3_error};
use serde::{Deserialize, Serialize};

/// A checksum that S3 knows by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64nvme,
    Sha1,
    Sha256,
}

impl Algorithm {
    pub(crate) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64nvme, Self::Sha1, Self::Sha256];

    /// The name in `x-amz-checksum-algorithm`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The algorithm of that name, or `InvalidRequest`.
    pub(crate) fn named(name: &str) -> S3Result<Self> {
        let found = Self::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name));
        found.ok_or_else(|| s3_error!(InvalidRequest, "Checksum algorithm provided is unsupported."))
    }

    /// The header, or trailer, that carries a value of it.
    pub(crate) fn header(self) -> String {
        format!("x-amz-checksum-{}", self.name().to_ascii_lowercase())
    }

    fn bytes(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// Values in base64, by algorithm.
pub(crate) type Checksums = BTreeMap<Algorithm, String>;

/// Reads the five `checksum_*` fields of a value from `s3s::dto` into [`Checksums`].
macro_rules! checksums_of {
    ($from:expr) => {{
        use $crate::checksums::Algorithm::{Crc32, Crc32c, Crc64nvme, Sha1, Sha256};
        let from = &$from;
        let fields = [
            (Crc32, &from.checksum_crc32),
            (Crc32c, &from.checksum_crc32c),
            (Crc64nvme, &from.checksum_crc64nvme),
            (Sha1, &from.checksum_sha1),
            (Sha256, &from.checksum_sha256),
        ];
        fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.clone()?)))
            .collect::<$crate::checksums::Checksums>()
    }};
}

/// Writes [`Checksums`] into the five `checksum_*` fields of a value from `s3s::dto`.
macro_rules! set_checksums {
    ($into:expr, $sums:expr) => {{
        use $crate::checksums::Algorithm::{Crc32, Crc32c, Crc64nvme, Sha1, Sha256};
        let sums: &$crate::checksums::Checksums = $sums;
        $into.checksum_crc32 = sums.get(&Crc32).cloned();
        $into.checksum_crc32c = sums.get(&Crc32c).cloned();
        $into.checksum_crc64nvme = sums.get(&Crc64nvme).cloned();
        $into.checksum_sha1 = sums.get(&Sha1).cloned();
        $into.checksum_sha256 = sums.get(&Sha256).cloned();
    }};
}

pub(crate) use {checksums_of, set_checksums};

/// What bytes turned out to be.
#[derive(Clone, Debug)]
pub(crate) struct Digest {
    pub(crate) md5: [u8; 16],
    pub(crate) sums: Checksums,
}

/// Computes MD5 and the chosen checksums in one pass.
pub(crate) struct Hasher {
    md5: Md5,
    sums: ChecksumHasher,
}

impl Hasher {
    pub(crate) fn new(algorithms: &BTreeSet<Algorithm>) -> Self {
        let wants = |algorithm| algorithms.contains(&algorithm);
        let sums = ChecksumHasher {
            crc32: wants(Algorithm::Crc32).then(Crc32::new),
            crc32c: wants(Algorithm::Crc32c).then(Crc32c::new),
            crc64nvme: wants(Algorithm::Crc64nvme).then(Crc64Nvme::new),
            sha1: wants(Algorithm::Sha1).then(Sha1::new),
            sha256: wants(Algorithm::Sha256).then(Sha256::new),
        };
        Self { md5: Md5::new(), sums }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        self.sums.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        Digest { md5: self.md5.finalize(), sums: checksums_of!(self.sums.finalize()) }
    }
}

/// What the sender says that the bytes are.
#[derive(Debug)]
pub(crate) struct Claim {
    md5: Option<[u8; 16]>,
    sums: Checksums,
    algorithms: BTreeSet<Algorithm>,
    trailing: Vec<Algorithm>,
    trailers: Option<TrailingHeaders>,
}

impl Claim {
    /// Reads the claim of an upload: `sums` from its headers, `asked` from `x-amz-sdk-checksum-algorithm`,
    /// `content_md5` in base64, and the trailers that its headers announce.
    ///
    /// # Errors
    ///
    /// `InvalidDigest` or `InvalidRequest` for a value that no bytes could have.
    pub(crate) fn read(
        headers: &HeaderMap,
        trailers: Option<TrailingHeaders>,
        sums: Checksums,
        asked: Option<&str>,
        content_md5: Option<&str>,
    ) -> S3Result<Self> {
        let md5 = content_md5.map(|text| {
            let bytes = BASE64.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.ok_or_else(|| s3_error!(InvalidDigest, "The Content-MD5 you specified was invalid."))
        });
        for (algorithm, value) in &sums {
            check_form(*algorithm, value)?;
        }
        let announced = headers.get_all("x-amz-trailer").iter().filter_map(|value| value.to_str().ok());
        let announced: Vec<&str> = announced.flat_map(|value| value.split(',')).map(str::trim).collect();
        let trailing: Vec<Algorithm> = (Algorithm::ALL.into_iter())
            .filter(|algorithm| announced.iter().any(|name| name.eq_ignore_ascii_case(&algorithm.header())))
            .collect();
        let mut algorithms: BTreeSet<Algorithm> = sums.keys().chain(&trailing).copied().collect();
        if let Some(name) = asked {
            algorithms.insert(Algorithm::named(name)?);
        }
        Ok(Self { md5: md5.transpose()?, sums, algorithms, trailing, trailers })
    }

    /// What has to be computed to judge the claim; CRC-64/NVME where it asks for nothing.
    pub(crate) fn algorithms(&self) -> BTreeSet<Algorithm> {
        if self.algorithms.is_empty() { BTreeSet::from([Algorithm::Crc64nvme]) } else { self.algorithms.clone() }
    }

    /// Judges the claim, once the body has been read to its end (trailers come last).
    ///
    /// # Errors
    ///
    /// `BadDigest` when a value differs, `InvalidRequest` when an announced trailer is absent or malformed.
    pub(crate) fn check(mut self, digest: &Digest) -> S3Result<()> {
        for algorithm in &self.trailing {
            let name = algorithm.header();
            let value = self.trailers.as_ref().and_then(|trailers| {
                trailers.read(|headers| headers.get(&name).and_then(|v| v.to_str().ok()).map(str::to_owned)).flatten()
            });
            let value =
                value.ok_or_else(|| s3_error!(InvalidRequest, "The trailer {name} was announced and did not come."))?;
            check_form(*algorithm, &value)?;
            self.sums.insert(*algorithm, value);
        }
        if self.md5.is_some_and(|md5| md5 != digest.md5) {
            return Err(s3_error!(BadDigest, "The Content-MD5 you specified did not match what we received."));
        }
        same_sums(&self.sums, &digest.sums)
    }
}

/// Compares what was claimed with what was computed: every claim needs an equal.
pub(crate) fn same_sums(claimed: &Checksums, computed: &Checksums) -> S3Result<()> {
    match claimed.iter().find(|(algorithm, value)| computed.get(algorithm) != Some(value)) {
        None => Ok(()),
        Some((algorithm, _)) => {
            Err(s3_error!(BadDigest, "The {} you specified did not match the calculated checksum.", algorithm.name()))
        }
    }
}

fn check_form(algorithm: Algorithm, value: &str) -> S3Result<()> {
    match BASE64.decode(value) {
        Ok(bytes) if bytes.len() == algorithm.bytes() => Ok(()),
        _ => Err(s3_error!(InvalidRequest, "Value for {} header is invalid.", algorithm.header())),
    }
}

/// The checksum of a whole made of parts: that of the parts' checksums one after the other, then `-` and their count.
///
/// `None` where a part lacks the checksum. Source: S3 User Guide, "Checking object integrity", composite checksums.
pub(crate) fn composite(algorithm: Algorithm, parts: &[Checksums]) -> Option<String> {
    let mut hasher = Hasher::new(&BTreeSet::from([algorithm]));
    for part in parts {
        hasher.update(&BASE64.decode(part.get(&algorithm)?).ok()?);
    }
    Some(format!("{}-{}", hasher.finish().sums.get(&algorithm)?, parts.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn digest(bytes: &[u8]) -> Digest {
        let mut hasher = Hasher::new(&Algorithm::ALL.into());
        hasher.update(bytes);
        hasher.finish()
    }

    #[test]
    fn digests_agree_with_the_published_check_values() {
        // "123456789" is the check string of the CRC catalogue; SHA and MD5 values from FIPS 180 and RFC 1321 tools.
        let found = digest(b"123456789");
        let base64 = |hex: &str| BASE64.encode(hex::decode(hex).unwrap());
        assert_eq!(found.sums[&Algorithm::Crc32], base64("cbf43926"));
        assert_eq!(found.sums[&Algorithm::Crc32c], base64("e3069283"));
        assert_eq!(found.sums[&Algorithm::Crc64nvme], base64("ae8b14860a799888"));
        assert_eq!(found.sums[&Algorithm::Sha1], base64("f7c3bc1d808e04732adf679965ccc34ca7ae3441"));
        let sha256 = "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225";
        assert_eq!(found.sums[&Algorithm::Sha256], base64(sha256));
        assert_eq!(hex::encode(found.md5), "25f9e794323b453885f5181f1b624d0b");
    }

    #[test]
    fn a_claim_is_refused_when_any_part_of_it_is_wrong() {
        let right = digest(b"bytes");
        let wrong = digest(b"other");
        let md5 = |digest: &Digest| BASE64.encode(digest.md5);
        let judge = |sums: &Checksums, md5: &str| {
            Claim::read(&HeaderMap::new(), None, sums.clone(), None, Some(md5)).unwrap().check(&right)
        };
        assert!(judge(&right.sums, &md5(&right)).is_ok());
        assert!(judge(&right.sums, &md5(&wrong)).is_err());
        for algorithm in Algorithm::ALL {
            let mut sums = right.sums.clone();
            sums.insert(algorithm, wrong.sums[&algorithm].clone());
            assert!(judge(&sums, &md5(&right)).is_err(), "{algorithm:?}");
        }
    }

    #[test]
    fn an_announced_trailer_that_never_comes_is_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-trailer", "x-amz-checksum-crc32".parse().unwrap());
        let claim = Claim::read(&headers, None, Checksums::new(), None, None).unwrap();
        assert_eq!(claim.algorithms(), BTreeSet::from([Algorithm::Crc32]));
        assert!(claim.check(&digest(b"bytes")).is_err());
    }

    #[test]
    fn values_that_no_bytes_could_have_are_refused_at_once() {
        let read = |sums, md5| Claim::read(&HeaderMap::new(), None, sums, None, md5);
        assert!(read(Checksums::from([(Algorithm::Sha256, "AAAA".into())]), None).is_err());
        assert!(read(Checksums::new(), Some("not base64")).is_err());
        assert!(read(Checksums::new(), Some("AAAA")).is_err());
    }

    #[test]
    fn a_composite_is_the_checksum_of_the_checksums() {
        let parts = [digest(b"one").sums, digest(b"two").sums];
        let mut joined = Vec::new();
        for part in &parts {
            joined.extend(BASE64.decode(&part[&Algorithm::Sha256]).unwrap());
        }
        let expected = format!("{}-2", digest(&joined).sums[&Algorithm::Sha256]);
        assert_eq!(composite(Algorithm::Sha256, &parts), Some(expected));
        assert_eq!(composite(Algorithm::Sha256, &[Checksums::new()]), None);
    }
}
