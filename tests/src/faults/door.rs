//! A function's door to its stores.

use super::{
    Faults,
    call::{Asked, Outcome, Service},
    replies::{CHECKSUM, checksum},
    rule::Act,
    units,
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{HeaderValue, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use local::{ports::Addresses, template::Table};
use std::{
    io::{Error, ErrorKind},
    sync::Arc,
};
use tokio::net::TcpListener;

type Body = BoxBody<Bytes, Error>;

/// One function's way to its stores.
pub(super) struct Door {
    faults: Faults,
    function: String,
    stores: Addresses,
    tables: Arc<[Table]>,
    http: Client<HttpConnector, Full<Bytes>>,
}

impl Door {
    pub(super) fn new(faults: Faults, function: &str, stores: &Addresses, tables: Arc<[Table]>) -> Self {
        let http = Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build_http();
        Self { faults, function: function.to_owned(), stores: stores.clone(), tables, http }
    }

    /// Serves until the runtime ends.
    pub(super) async fn serve(self: Arc<Self>, listener: TcpListener) {
        while let Ok((socket, _)) = listener.accept().await {
            let _ = socket.set_nodelay(true);
            let door = self.clone();
            tokio::spawn(async move {
                let service = service_fn(|request| door.pass(request));
                // An error here is a fault that was asked for: it ends the connection.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(socket), service).await;
            });
        }
    }

    async fn pass(&self, request: Request<Incoming>) -> Result<Response<Body>, Error> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(Error::other)?.to_bytes();
        let asked = Asked::read(&parts, &body, &self.tables);
        let place = self.faults.begin(asked.call(&self.function, &parts));
        let act = self.faults.verdict(&self.function, &asked);
        let counted = asked.service == Service::DynamoDb && self.faults.counts();
        let request = if counted { asks_for_units(parts, &asked) } else { Request::from_parts(parts, Full::new(body)) };
        let done = match &act {
            None => self.forward(&asked, request).await,
            Some(act) => self.fault(act, &asked, request).await,
        };
        let outcome = match (&act, &done) {
            (Some(act), _) => Outcome::Faulted(act.name()),
            (None, Ok(response)) => Outcome::Answered(response.status().as_u16()),
            (None, Err(_)) => Outcome::Faulted("the store did not answer"),
        };
        self.faults.end(place, outcome);
        done
    }

    async fn fault(&self, act: &Act, asked: &Asked, request: Request<Full<Bytes>>) -> Result<Response<Body>, Error> {
        let gone = || Error::from(ErrorKind::ConnectionReset);
        match act {
            Act::Tell(_, reply) => Ok(reply(asked).into_response()),
            Act::Answer(reply) => Ok(reply.clone().into_response()),
            Act::Reset => Err(gone()),
            Act::LoseReply => {
                self.forward(asked, request).await?;
                Err(gone())
            }
            Act::Cut => {
                let (parts, half, length) = self.half(asked, request).await?;
                // The length stands for the whole: what comes after half of it is the end of the connection.
                let frames = stream::iter([Ok(Frame::data(half))]).chain(stream::once(async move { Err(gone()) }));
                let mut response = Response::from_parts(parts, BodyExt::boxed(StreamBody::new(frames)));
                response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
                Ok(response)
            }
            Act::Truncate => {
                let (parts, half, _) = self.half(asked, request).await?;
                Ok(Response::from_parts(parts, full(half)))
            }
            Act::Alter(change) => {
                let (mut parts, body) = self.forward(asked, request).await?.into_parts();
                let body = body.collect().await?.to_bytes();
                let mut document = serde_json::from_slice(&body).unwrap_or_default();
                change(&mut document);
                let changed = document.to_string();
                parts.headers.remove(header::CONTENT_LENGTH);
                if parts.headers.contains_key(CHECKSUM) {
                    parts.headers.insert(CHECKSUM, checksum(changed.as_bytes()));
                }
                Ok(Response::from_parts(parts, full(changed.into())))
            }
            Act::Delay(time) => {
                tokio::time::sleep(*time).await;
                self.forward(asked, request).await
            }
            Act::Before(run) => {
                run();
                self.forward(asked, request).await
            }
            Act::After(run) => {
                let done = self.forward(asked, request).await;
                run();
                done
            }
        }
    }

    /// The head of the store's reply, half of its body, and how long the whole is.
    async fn half(
        &self,
        asked: &Asked,
        request: Request<Full<Bytes>>,
    ) -> Result<(http::response::Parts, Bytes, usize), Error> {
        let (mut parts, body) = self.forward(asked, request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        parts.headers.remove(header::CONTENT_LENGTH);
        Ok((parts, body.slice(..body.len() / 2), body.len()))
    }

    /// Passes a request on as it is: signatures cover its headers and its host.
    async fn forward(&self, asked: &Asked, mut request: Request<Full<Bytes>>) -> Result<Response<Body>, Error> {
        let store = match asked.service {
            Service::DynamoDb => &self.stores.dynamodb,
            Service::S3 => &self.stores.s3,
            Service::SecretsManager => &self.stores.secrets_manager,
        };
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = format!("{store}{path}").parse::<Uri>().map_err(Error::other)?;
        let response = self.http.request(request).await.map_err(Error::other)?;
        if asked.service == Service::DynamoDb && self.faults.counts() {
            let (parts, body) = response.into_parts();
            let body = body.collect().await.map_err(Error::other)?.to_bytes();
            self.faults.count(&asked.operation, &serde_json::from_slice(&body).unwrap_or_default());
            return Ok(Response::from_parts(parts, full(body)));
        }
        Ok(response.map(|body| body.map_err(Error::other).boxed()))
    }
}

/// The request with the wish to hear what it takes. Its signature covers another body, which the embedded store does not look at.
fn asks_for_units(mut parts: http::request::Parts, asked: &Asked) -> Request<Full<Bytes>> {
    let mut document = asked.document.clone();
    document[units::ASKED.0] = units::ASKED.1.into();
    parts.headers.remove(header::CONTENT_LENGTH);
    Request::from_parts(parts, Full::new(document.to_string().into()))
}

fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}
