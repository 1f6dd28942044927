//! What lies in the stack's own table, wherever a tenant's events are stored.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | refused event | `T#<tenant>#FAILED` | its id, by time | [`Failed`](crate::failed::Failed) |
//! | what was sent | `T#<tenant>#FAILEDTEXT` | the digest by which it is known again | [`Text`](crate::failed::Text) |
//! | how many there are | `T#<tenant>#FAILEDCOUNT` | `ALL` | `rows`, `counted_at`, `not_kept` |
//! | how many of them a person sent | the same | `BY#<digest of the person>` | `rows`, `counted_at`, `expires_at` |
//! | erasure | `T#<tenant>#ERASURES` | its receipt's id, by time | [`Erasure`](crate::erasure::Erasure) |
//! | the one of a person that is not over | the same | `OPEN#<digest of the person>` | `receipt_id` |

mod erasures;
mod failed;

pub(crate) use erasures::{ErasureTable, TenantErasures};
pub(crate) use failed::{FailedTable, TenantFailed};
