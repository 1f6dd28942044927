//! The shape in which the catalog and the answers meet: what a product is, what a store is, when it is open.

pub mod currency;
pub mod hours;
pub mod product;
pub mod store;

pub use currency::Currency;
pub use hours::{Exception, Hours, Interval, Span, Status, TimeOfDay, Week};
pub use product::{Internal, Money, Product};
pub use store::{Store, Zone};
