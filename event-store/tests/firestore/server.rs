//! A server that answers as it is told.

use bytes::Bytes;
use gcloud_sdk::prost::Message;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
};
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};

/// What the server answers.
pub(crate) enum Reply {
    /// A status, and nothing before it.
    Refused(i32, &'static str),
    /// Messages and how it ended.
    Whole(Vec<Vec<u8>>, i32),
    /// Messages and no end.
    Cut(Vec<Vec<u8>>),
    /// A page of the web.
    Web(u16, &'static str, &'static str),
    /// Nothing, ever.
    Silence,
}

/// What was asked.
#[derive(Clone)]
pub(crate) struct Asked {
    /// The method.
    pub(crate) method: String,
    /// How often it was called before.
    pub(crate) before: usize,
    /// By whom.
    pub(crate) authorization: String,
    /// The message.
    pub(crate) message: Bytes,
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    serves: JoinHandle<()>,
}

type Script = dyn Fn(&Asked) -> Reply + Send + Sync;

impl Server {
    pub(crate) async fn start(script: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_at((Ipv4Addr::LOCALHOST, 0).into(), script).await
    }

    pub(crate) async fn start_at(
        address: SocketAddr,
        script: impl Fn(&Asked) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::default());
        let (heard, script): (Arc<Mutex<Vec<Asked>>>, Arc<Script>) = (Arc::clone(&asked), Arc::new(script));
        let serves = tokio::spawn(async move {
            // What is open goes with what opened it.
            let mut open = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (heard, script) = (heard.clone(), script.clone());
                let service = service_fn(move |request| answer(heard.clone(), script.clone(), request));
                let connection = http2::Builder::new(TokioExecutor::new());
                open.spawn(connection.serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { address, asked, serves }
    }

    /// Goes away, and breaks off what is open.
    pub(crate) async fn stop(self) -> SocketAddr {
        self.serves.abort();
        assert!(self.serves.await.unwrap_err().is_cancelled());
        self.address
    }

    /// All that was asked, in its order.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(
    asked: Arc<Mutex<Vec<Asked>>>,
    script: Arc<Script>,
    request: Request<Incoming>,
) -> Result<Response<BoxBody<Bytes, Infallible>>, Infallible> {
    let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
    let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    let message = request.into_body().collect().await.unwrap().to_bytes();
    // A flag and a length of four bytes stand before the message.
    let message = message.slice(5.min(message.len())..);
    let one = {
        let mut asked = asked.lock().unwrap();
        let before = asked.iter().filter(|one| one.method == method).count();
        let one = Asked { method, before, authorization: authorization.unwrap_or_default(), message };
        asked.push(one.clone());
        one
    };
    let grpc = Response::builder().header("content-type", "application/grpc");
    Ok(match script(&one) {
        Reply::Refused(code, said) => {
            grpc.header("grpc-status", code).header("grpc-message", said).body(body(vec![], None)).unwrap()
        }
        Reply::Whole(messages, code) => grpc.body(body(framed(messages), Some(code))).unwrap(),
        Reply::Cut(messages) => grpc.body(body(framed(messages), None)).unwrap(),
        Reply::Web(status, kind, text) => {
            let web = Response::builder().status(StatusCode::from_u16(status).unwrap()).header("content-type", kind);
            web.body(body(vec![text.as_bytes().to_vec()], None)).unwrap()
        }
        Reply::Silence => std::future::pending().await,
    })
}

fn framed(messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let frame = |message: Vec<u8>| {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], &length[..], &message].concat()
    };
    messages.into_iter().map(frame).collect()
}

fn body(parts: Vec<Vec<u8>>, end: Option<i32>) -> BoxBody<Bytes, Infallible> {
    let end = end.map(|code| {
        let code = HeaderValue::from_str(&code.to_string()).unwrap();
        Frame::trailers(HeaderMap::from_iter([("grpc-status".parse().unwrap(), code)]))
    });
    let parts = parts.into_iter().map(|part| Frame::data(Bytes::from(part)));
    let frames: Vec<_> = parts.chain(end).map(Ok).collect();
    StreamBody::new(futures::stream::iter(frames)).boxed()
}

/// A whole answer of these messages.
pub(crate) fn whole<M: Message>(messages: impl IntoIterator<Item = M>) -> Reply {
    Reply::Whole(messages.into_iter().map(|message| message.encode_to_vec()).collect(), 0)
}
