//! The part of `crc-fast` that the S3 client uses, in a hundredth of its size.
//!
//! `aws-smithy-checksums` computes CRC-32, CRC-32C and CRC-64/NVME through `crc-fast`, which links the tables of all thirty of its
//! algorithms: 0.66 MB in each function that touches S3, for checksums that ours never ask for (objects carry their
//! SHA-256). This crate has the same names over the `crc` crate; `[patch.crates-io]` puts it in the other's place.

use crc::{CRC_32_ISCSI, CRC_32_ISO_HDLC, CRC_64_NVME, Crc, Table};

static ISO_HDLC: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISO_HDLC);
static ISCSI: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);
static NVME: Crc<u64, Table<1>> = Crc::<u64, Table<1>>::new(&CRC_64_NVME);

/// An algorithm, as the catalogue of CRC algorithms names it (<https://reveng.sourceforge.io/crc-catalogue/>).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrcAlgorithm {
    /// The CRC-32 of zip and Ethernet.
    Crc32IsoHdlc,
    /// CRC-32C.
    Crc32Iscsi,
    /// The CRC-64 that S3 prefers.
    Crc64Nvme,
}

/// A checksum under way.
#[derive(Clone)]
pub struct Digest(State);

#[derive(Clone)]
enum State {
    IsoHdlc(crc::Digest<'static, u32, Table<1>>),
    Iscsi(crc::Digest<'static, u32, Table<1>>),
    Nvme(crc::Digest<'static, u64, Table<1>>),
}

impl Digest {
    /// A checksum of nothing yet.
    pub fn new(algorithm: CrcAlgorithm) -> Self {
        Self(match algorithm {
            CrcAlgorithm::Crc32IsoHdlc => State::IsoHdlc(ISO_HDLC.digest()),
            CrcAlgorithm::Crc32Iscsi => State::Iscsi(ISCSI.digest()),
            CrcAlgorithm::Crc64Nvme => State::Nvme(NVME.digest()),
        })
    }

    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::IsoHdlc(digest) | State::Iscsi(digest) => digest.update(bytes),
            State::Nvme(digest) => digest.update(bytes),
        }
    }

    /// The checksum of all that was taken in, in the lower bits.
    pub fn finalize(&self) -> u64 {
        match &self.0 {
            State::IsoHdlc(digest) | State::Iscsi(digest) => digest.clone().finalize().into(),
            State::Nvme(digest) => digest.clone().finalize(),
        }
    }
}

impl std::fmt::Debug for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Digest({:x})", self.finalize())
    }
}

/// The checksum of `bytes`, in the lower bits.
pub fn checksum(algorithm: CrcAlgorithm, bytes: &[u8]) -> u64 {
    let mut digest = Digest::new(algorithm);
    digest.update(bytes);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the catalogue: each algorithm over "123456789".
    #[test]
    fn the_check_values_are_the_catalogues() {
        assert_eq!(checksum(CrcAlgorithm::Crc32IsoHdlc, b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(CrcAlgorithm::Crc32Iscsi, b"123456789"), 0xe306_9283);
        assert_eq!(checksum(CrcAlgorithm::Crc64Nvme, b"123456789"), 0xae8b_1486_0a79_9888);
    }

    #[test]
    fn bytes_in_parts_sum_to_the_same() {
        let mut digest = Digest::new(CrcAlgorithm::Crc64Nvme);
        digest.update(b"1234");
        digest.update(b"56789");
        assert_eq!(digest.finalize(), checksum(CrcAlgorithm::Crc64Nvme, b"123456789"));
    }
}
