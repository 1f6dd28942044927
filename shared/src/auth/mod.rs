//! Who is calling, and what they may do.
//!
//! A request carries a Firebase ID token. [`Verifier`] holds it to the rules of [`token`] with the issuer's [`keys`]; the
//! [`Caller`] that comes out is the only source of identity: nothing in a body, a query or a header ever adds to it. What
//! a caller may do follows from their [`Role`] (which tools), their stores (where) and their [`Scopes`] (administration), which
//! the tenant's own records of [`people`] bound.
//!
//! | file | knows |
//! | --- | --- |
//! | [`token`] | what makes a token good: form, signature, claims; pure, with the time handed in |
//! | [`key`], [`keys`] | a public key from a certificate; the issuer's published keys, cached |
//! | [`role`], [`scope`] | who may use which tool; which scope satisfies which |
//! | [`people`], [`breakglass`] | what is written down of a person; acting in an emergency |
//! | `denial` | how every refusal is written into the security log |
//! | `caller`, `verifier` | the way from a request to a person, and how refusals are told and logged |
//!
//! There is no switch that turns verification off, and none for an emulator: the laptop's issuer has a key URL of its own.

pub mod breakglass;
mod caller;
mod claims;
mod compact;
mod denial;
pub mod key;
pub mod keys;
pub mod people;
pub mod role;
pub mod scope;
mod strict_json;
#[cfg(test)]
pub(crate) mod testing;
pub mod token;
mod verifier;

pub use caller::{Access, Behalf, Caller, EvenSuspended, Grant};
pub use claims::{Claims, Email};
pub use compact::Compact;
pub use keys::Keys;
#[cfg(feature = "table")]
pub use people::People;
pub use people::{PersonRecord, RoleSource};
pub use role::{Permission, Role};
pub use scope::{Scope, Scopes};
pub use verifier::{AuthFault, Verifier};

#[cfg(feature = "secrets")]
pub(crate) use strict_json::object as strict_json_object;
