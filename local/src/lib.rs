//! The whole bundle in one process, over embedded stores: `cargo run` on a laptop, and the harness of every test.
//!
//! What runs here is what runs on Lambda. The functions speak the AWS SDK; where AWS would be, servers on loopback answer in
//! AWS's protocols and keep what they are given under `.smartstore/`. Routes, tables, buckets, secrets, schedules and
//! variables come from `template.yaml`, and [`Bundle::open`] refuses to start where the template and the code differ.
//!
//! | module | is |
//! | --- | --- |
//! | [`bundle`], [`options`] | everything put together |
//! | [`functions`] | the list of functions and jobs |
//! | [`template`], [`agree`] | what `template.yaml` says, and whether the code says the same |
//! | `gateway` | HTTP in, API Gateway's events out, and back |
//! | [`stores`] | DynamoDB, S3 and Secrets Manager |
//! | [`issuer`], [`claims`], [`client`] | tokens, what they say, and people who send requests with them |
//! | `schedules`, `cron` | jobs by the clock |
//! | [`seed`] | the sample tenants, stores and products |
//! | [`ports`], [`env_file`] | addresses, `.env` |
//! | [`cli`] | the commands of `cargo run` |
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod agree;
pub mod bundle;
pub mod claims;
pub mod cli;
pub mod client;
mod cron;
pub mod env_file;
pub mod functions;
mod gateway;
pub mod issuer;
mod openapi;
pub mod options;
pub mod ports;
mod schedules;
pub mod seed;
mod stop;
pub mod stores;
pub mod template;

pub use bundle::Bundle;
pub use claims::Claims;
pub use client::{Client, Response};
pub use issuer::PROJECT_ID;
pub use openapi::openapi;
pub use options::Options;
