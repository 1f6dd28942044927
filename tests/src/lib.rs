//! What the tests of the whole share, and the bench adapter.

pub mod adapter;
#[cfg(feature = "faults")]
pub mod audit;
#[cfg(feature = "faults")]
pub mod events;
#[cfg(feature = "faults")]
pub mod faults;
#[cfg(feature = "faults")]
pub mod limit;
#[cfg(all(unix, feature = "postgres"))]
pub mod postgres;
#[cfg(feature = "faults")]
pub mod vendors;
