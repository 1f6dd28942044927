//! Notices: what people are told of decisions about what is theirs, at most once in twelve hours for each kind.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | notice | `T#<tenant>#NOTICE#<person>` | its id | [`NoticeRow`] |
//! | last notice | `T#<tenant>#RATE#<person>#<category>` | `LAST` | [`limit::Last`] |
//! | put off | the same | `OFF#<origin>` | [`PutOff`], while it waits |
//! | known | the same | `ONCE#<origin>` | whether it waits, or which notice told of it |
//!
//! | index | holds |
//! | --- | --- |
//! | `unread_cat_created` | a person's unread notices by category and time |
//! | `user_status_created` | a person's notices by status and time |
//! | `deferral_due` | what was put off, by when it can be told |
//!
//! [`texts`] has the words. [`limit`] is the rule. [`Notices::tell`] tells something now or puts it off; [`Notices::plan`] says what to
//! write for it, for callers that join it to a transaction of their own. What is put off is an item for each occurrence, so that those
//! who come too late never wait for each other, and none is lost: the next notice of the category tells of them too, or
//! [`Notices::flush`] does when the time is over.
//!
//! **Told once.** What has a name that can come again has one item for it, `ONCE#`, which comes to be when it is put off or told, on
//! condition that it is not there. So of two who send the same, one early enough to be told and one that must wait, one can write: what
//! becomes of a name is a sequence of writes of one item, and needs no condition on what another item does not hold. `OFF#` is written
//! and deleted in the same transactions and no others, so that it is there as long as `ONCE#` says that it waits; whoever takes it up
//! holds to that, and of two who take it up, or fold it, one can. What was told is remembered for a time and may be very much; it lies
//! behind all that waits, and no telling reads it: one query has the last notice and what waits, one get the name. The item expires;
//! since the table deletes late, both who reads it and the condition take it for absent from that second on.
//!
//! **Who took part.** None of those who took a decision may decide the appeal, so a notice names all of them, and can name
//! [`MAX_INVOLVED`], with [`MAX_INVOLVED_BYTES`] of names. It takes up, of what waits longest first, what names no more; the rest goes on waiting.

mod category;
pub mod channels;
pub mod deferral;
pub mod limit;
mod parts;
mod row;
mod standing;
mod taken;
mod tell;
mod telling;
#[cfg(test)]
mod tests;
pub mod texts;
mod window;
mod words;

pub use crate::switch::KillSwitch;
pub use category::{Category, NotACategory};
pub use channels::Channels;
pub use limit::WINDOW;
pub use parts::MAX_PARTS;
pub use row::{
    DEFERRAL_DUE, Decision, MAX_DECISIONS, MAX_INVOLVED, MAX_INVOLVED_BYTES, NoticeRow, PutOff, Status, ToldText,
    UNREAD_CAT_CREATED, USER_STATUS_CREATED, limit_named, limit_of, notice_key, notices_of,
};
pub use tell::{Notices, PLANS, Plan, TellError, Told, is_limit};
pub use telling::{Announce, Compose, Composed, Origin, Telling, ToSay};
pub use window::AppealWindow;
pub use words::{Unsaid, Words};
