//! Stand-ins for the issuer, for tests of this crate.
