//! A store of its own for each test, behind a real socket, and clients for it.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use aws_credential_types::Credentials;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Region};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::{Client, Config};
use aws_smithy_http_client::Builder;
use local_s3::{Store, StoreError, serve};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const ACCESS: &str = "local";
pub(crate) const SECRET: &str = "not-a-secret";
pub(crate) const BUCKET: &str = "shelf";

/// A running store with one bucket, [`BUCKET`].
pub(crate) struct Shop {
    pub(crate) client: Client,
    pub(crate) address: SocketAddr,
    folder: TempDir,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
}

/// Opens the store, waiting up to five seconds for a lock that is still held: a child that another test starts at this moment
/// shares the lock's file until it runs its own program.
async fn free_again(folder: &Path) -> Store {
    for _ in 0..100 {
        match Store::open(folder) {
            Err(StoreError::InUse(_)) => tokio::time::sleep(std::time::Duration::from_millis(50)).await,
            opened => return opened.unwrap(),
        }
    }
    Store::open(folder).unwrap()
}

impl Shop {
    pub(crate) async fn open() -> Self {
        Self::open_in(TempDir::new().unwrap()).await
    }

    pub(crate) async fn open_in(folder: TempDir) -> Self {
        let store = free_again(folder.path()).await;
        store.create_bucket(BUCKET).unwrap();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let credentials = (ACCESS.to_owned(), SECRET.to_owned());
        let served = tokio::spawn(serve(listener, store, credentials, async { drop(stopped.await) }));
        Self { client: client(address, ACCESS, SECRET), address, folder, stop, served }
    }

    /// Stops, lets `between` at the folder, and starts again.
    pub(crate) async fn restart(self, between: impl FnOnce(&Path)) -> Self {
        let Self { folder, stop, served, client, .. } = self;
        drop(client);
        stop.send(()).unwrap();
        served.await.unwrap();
        between(folder.path());
        Self::open_in(folder).await
    }

    /// The files in one of the store's folders.
    pub(crate) fn files(&self, folder: &str) -> Vec<PathBuf> {
        files(&self.folder.path().join(folder))
    }

    pub(crate) fn put(&self, key: &str, body: &[u8]) -> PutObjectFluentBuilder {
        self.client.put_object().bucket(BUCKET).key(key).body(body.to_vec().into())
    }

    /// The bytes under a key, or nothing.
    pub(crate) async fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        bytes(&self.client, key).await
    }

    /// Every key, page after page.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let mut pages = self.client.list_objects_v2().bucket(BUCKET).into_paginator().send();
        let mut keys = Vec::new();
        while let Some(page) = pages.next().await {
            keys.extend(page.unwrap().contents().iter().map(|object| object.key().unwrap().to_owned()));
        }
        keys
    }

    /// Sends a request that is as it is: method, path with query, body. Gives the status and the body.
    pub(crate) async fn raw(&self, method: &str, target: &str, body: &[u8]) -> (u16, String) {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            self.address,
            body.len()
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        socket.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        socket.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }
}

pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// A client that never retries, so that each call is one request.
pub(crate) fn client(address: SocketAddr, access: &str, secret: &str) -> Client {
    Client::from_conf(config(address, access, secret).build())
}

pub(crate) fn config(address: SocketAddr, access: &str, secret: &str) -> aws_sdk_s3::config::Builder {
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(access, secret, None, None, "test"))
        .endpoint_url(format!("http://{address}"))
        .force_path_style(true)
        .retry_config(RetryConfig::disabled())
        .http_client(Builder::new().build_http())
}

pub(crate) async fn bytes(client: &Client, key: &str) -> Option<Vec<u8>> {
    match client.get_object().bucket(BUCKET).key(key).send().await {
        Ok(output) => Some(body(output).await),
        Err(error) => {
            assert_eq!(refusal(&error), (404, "NoSuchKey".to_owned()), "{key:?}");
            None
        }
    }
}

pub(crate) async fn body(output: GetObjectOutput) -> Vec<u8> {
    output.body.collect().await.unwrap().into_bytes().to_vec()
}

/// The status and the code of a refusal.
pub(crate) fn refusal<E: ProvideErrorMetadata + std::fmt::Debug>(error: &SdkError<E>) -> (u16, String) {
    let status = error.raw_response().unwrap_or_else(|| panic!("no answer: {error:?}")).status().as_u16();
    (status, error.code().unwrap_or_default().to_owned())
}

/// What a call was refused with; it must have been.
pub(crate) fn refused<T: std::fmt::Debug, E: ProvideErrorMetadata + std::fmt::Debug>(
    outcome: Result<T, SdkError<E>>,
) -> (u16, String) {
    refusal(&outcome.unwrap_err())
}

/// A refusal to compare with.
pub(crate) fn no(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}
