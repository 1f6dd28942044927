//! The object store, as the real SDK sees it over loopback. One binary, so that the SDK is linked once.
#![allow(clippy::unwrap_used)]

mod access;
mod crash;
mod keys;
mod model;
mod multipart;
mod objects;
mod races;
mod speed;
mod support;
mod wire;
