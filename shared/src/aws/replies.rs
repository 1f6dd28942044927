//! Whether a reply of DynamoDB is whole and DynamoDB's: `x-amz-crc32` is the CRC-32 of its body, and no success comes without.
//!
//! A reply that was cut, emptied or put in by somebody else parses as one that holds nothing: `{}` in place of `{"Item":…}` says
//! that there is no such item. So what is not proven whole is an error, which the SDK tries again, and never an answer.
//!
//! Source: Amazon DynamoDB Developer Guide, "DynamoDB low-level API", response headers.

use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{
            Intercept, SharedInterceptor, context::BeforeDeserializationInterceptorContextMut, dyn_dispatch_hint,
        },
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use bytes::Bytes;
use http_body::{Body, Frame};
use std::{
    pin::Pin,
    task::{Context, Poll},
};

/// The header of a body's checksum, in decimal digits.
const CHECKSUM: &str = "x-amz-crc32";

/// A reply that is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotWhole {
    /// It says that all went well, and proves nothing.
    #[error("the reply has no checksum")]
    Unproven,
    /// Its body is another than it says.
    #[error("the reply is not the one that was sent")]
    Altered,
}

/// Lets no reply pass that is not whole.
#[derive(Clone, Copy, Debug)]
struct Whole;

/// What holds every reply of DynamoDB to its checksum.
pub(super) fn whole() -> SharedInterceptor {
    SharedInterceptor::permanent(Whole)
}

#[dyn_dispatch_hint]
impl Intercept for Whole {
    fn name(&self) -> &'static str {
        "WholeReplies"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let checksum = response.headers().get(CHECKSUM).map(str::parse::<u32>);
        let sent = match checksum {
            Some(Ok(checksum)) => checksum,
            Some(Err(_)) => return Err(NotWhole::Altered.into()),
            // A refusal may come from before the store, and says nothing of what is in it.
            None if !response.status().is_success() => return Ok(()),
            None => return Err(NotWhole::Unproven.into()),
        };
        let body = std::mem::replace(response.body_mut(), SdkBody::taken());
        *response.body_mut() =
            SdkBody::from_body_1_x(Proven { body, seen: crc32fast::Hasher::new(), sent, done: false });
        Ok(())
    }
}

/// A body that ends in an error where it is not the one that was sent.
struct Proven {
    body: SdkBody,
    seen: crc32fast::Hasher,
    sent: u32,
    done: bool,
}

impl Body for Proven {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.done {
            return Poll::Ready(None);
        }
        let frame = std::task::ready!(Pin::new(&mut self.body).poll_frame(context));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.seen.update(data);
        }
        self.done = !matches!(frame, Some(Ok(_)));
        let altered = frame.is_none() && self.seen.clone().finalize() != self.sent;
        Poll::Ready(if altered { Some(Err(NotWhole::Altered.into())) } else { frame })
    }
}

#[cfg(test)]
mod tests;
