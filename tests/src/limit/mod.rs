//! The proof of the limit on notices: a driver of histories, the faults between it and the store, and a checker of what came of it.
//!
//! | module | is |
//! | --- | --- |
//! | [`history`] | what was sent and what was answered, in plain values |
//! | [`checker`] | what must hold of a history and of what the store holds at its end; it knows nothing of how it is done |
//! | [`state`] | what the store holds, read row by row |
//! | [`store`] | the embedded store in this process |
//! | [`wire`] | the way to it, on which calls are slow, refused, lost or late |
//! | [`mistake`] | wrong ways of holding the limit, made of the right one |
//! | [`drive`] | histories: senders with clocks that differ, over ten days of a clock that is moved |
//! | [`words`] | what the notices say |
//! | [`processes`] | senders in processes of their own |

pub mod checker;
pub mod drive;
pub mod history;
pub mod mistake;
pub mod processes;
pub mod state;
pub mod store;
pub mod wire;
pub mod words;
