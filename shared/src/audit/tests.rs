//! The log over a store that races, refuses and loses replies.
