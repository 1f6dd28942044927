//! Notices: what people are told of decisions about what is theirs, at most once in twelve hours for each kind.
//!
//! | item | `pk` | `sk` | attributes |
//! | --- | --- | --- | --- |
//! | notice | `T#<tenant>#NOTICE#<person>` | its id | [`NoticeRow`] |
//! | last notice | `T#<tenant>#RATE#<person>#<category>` | `LAST` | [`limit::Last`] |
//! | put off, or told at once | the same | `OFF#<origin>` | [`PutOff`], or the notice that told of it: the same is told of once |
//!
//! | index | holds |
//! | --- | --- |
//! | `unread_cat_created` | a person's unread notices by category and time |
//! | `user_status_created` | a person's notices by status and time |
//! | `deferral_due` | what was put off, by when it can be told |
//!
//! [`texts`] has the words. [`limit`] is the rule. [`Notices::tell`] tells something now or puts it off; [`Notices::plan`] says what to write for it, for callers
//! that join it to a transaction of their own. What is put off is an item for each occurrence, so that those who come too late never
//! wait for each other, and none is lost: the next notice of the category tells of them too, or [`Notices::flush`] does when the
//! time is over.

mod category;
pub mod channels;
pub mod deferral;
pub mod limit;
mod parts;
mod row;
mod standing;
mod taken;
mod tell;
pub mod texts;
mod window;
mod words;

pub use crate::switch::KillSwitch;
pub use category::{Category, NotACategory};
pub use channels::Channels;
pub use limit::WINDOW;
pub use row::{
    DEFERRAL_DUE, Decision, MAX_DECISIONS, NoticeRow, PutOff, Status, ToldText, UNREAD_CAT_CREATED,
    USER_STATUS_CREATED, limit_named, limit_of, notice_key, notices_of,
};
pub use tell::{Announce, Compose, Composed, Notices, Origin, PLANS, Plan, TellError, Telling, ToSay, Told, is_limit};
pub use window::AppealWindow;
pub use words::{Unsaid, Words};
