//! Requests and their answers.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::timeout_at;

use super::App;
use crate::review::{self, MAX_BODY};

/// The longest time for a body to arrive. No API server waits longer for the answer.
const BODY_TIME: Duration = Duration::from_secs(30);

/// The longest time to wait for the rest of a body that is refused.
const DISCARD_TIME: Duration = Duration::from_secs(2);

/// The size up to which a body is read without reserving room.
const FREE: usize = 64 << 10;

/// Answers that take longer than it takes to hand over the thread's other work.
const LARGE: usize = 256 << 10;

/// What all bodies beyond [`FREE`] may hold together: slow clients must not fill the memory.
pub(super) const BODY_MEMORY: usize = 128 << 20;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const METRICS: HeaderValue = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

type Answer = Response<Full<Bytes>>;

/// Answers a request. `monitoring` is a listener that has no admissions.
pub(super) async fn answer(app: Arc<App>, request: Request<Incoming>, monitoring: bool) -> Result<Answer, Infallible> {
    let is_old = request.version() < Version::HTTP_2;
    let mut answer = match route(&app, request, monitoring).await {
        Ok(answer) => answer,
        Err(refusal) => {
            log::debug!(status = refusal.status().as_u16(); "request refused: {refusal}");
            refusal.into_response()
        }
    };
    app.metrics.response(answer.status().as_u16());
    // A client that keeps its connection open learns in time that it will be closed.
    if is_old && app.is_ending() {
        answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(answer)
}

async fn route(app: &App, request: Request<Incoming>, monitoring: bool) -> Result<Answer, Refusal> {
    let path = request.uri().path();
    let readable = |request: &Request<Incoming>| match *request.method() {
        Method::GET | Method::HEAD => Ok(()),
        _ => Err(Refusal::Method { allowed: "GET, HEAD" }),
    };
    match path {
        "/healthz" => {
            readable(&request)?;
            Ok(response(StatusCode::OK, TEXT, "ok\n"))
        }
        "/readyz" => {
            readable(&request)?;
            let (ready, report) = app.readiness();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            Ok(response(status, TEXT, report))
        }
        "/metrics" => {
            readable(&request)?;
            Ok(response(StatusCode::OK, METRICS, app.metrics.text()))
        }
        "/ca.pem" => {
            readable(&request)?;
            let ca = app.ca().ok_or(Refusal::NoCa)?;
            Ok(response(StatusCode::OK, TEXT, ca.to_string()))
        }
        _ if !monitoring && (path == "/inject" || path.starts_with("/inject/")) => admit(app, request).await,
        _ => Err(Refusal::Path),
    }
}

async fn admit(app: &App, request: Request<Incoming>) -> Result<Answer, Refusal> {
    let started = Instant::now();
    app.metrics.admission_started();
    let admitted = async {
        check(&request)?;
        let path = request.uri().path().to_owned();
        let (body, _room) = body(app, request.into_body()).await?;
        if body.is_empty() {
            return Err(Refusal::Empty);
        }
        if body.len() <= LARGE {
            return Ok(app.review(&body, &path, started));
        }
        // While it is answered, a review takes up to forty times the memory of its body. Few of the large ones are at a
        // time, and the other connections of this thread do not wait for them. The semaphore is never closed.
        let _turn = app.large_reviews.acquire_many(u32::try_from(body.len()).unwrap_or(u32::MAX)).await;
        Ok(tokio::task::block_in_place(|| app.review(&body, &path, started)))
    };
    match admitted.await {
        // The API server does not accept an answer without a uid, so an HTTP status is more helpful.
        Ok(review::Answer { outcome: review::Outcome::Refused(refusal), .. }) if is_no_review(&refusal) => {
            Err(Refusal::NoReview(refusal))
        }
        Ok(answer) => {
            app.metrics.admission_answered();
            Ok(response(StatusCode::OK, JSON, answer.body))
        }
        Err(refusal) => {
            app.metrics.admission_failed();
            Err(refusal)
        }
    }
}

fn is_no_review(refusal: &review::Refusal) -> bool {
    match refusal {
        review::Refusal::Json(_) | review::Refusal::NoReview { .. } | review::Refusal::NoRequest => true,
        review::Refusal::NoObject | review::Refusal::NoPod(_) | review::Refusal::Inject(_) => false,
    }
}

fn check(request: &Request<Incoming>) -> Result<(), Refusal> {
    if request.method() != Method::POST {
        return Err(Refusal::Method { allowed: "POST" });
    }
    let content_type = request.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let essence = content_type.split(|&b| b == b';').next().unwrap_or_default();
    if !essence.trim_ascii().eq_ignore_ascii_case(b"application/json") {
        return Err(Refusal::ContentType(String::from_utf8_lossy(content_type).into_owned()));
    }
    Ok(())
}

/// The whole body, and the room that it takes.
async fn body(app: &App, mut body: Incoming) -> Result<(Vec<u8>, Room), Refusal> {
    let deadline = tokio::time::Instant::now() + BODY_TIME;
    let expected = usize::try_from(body.size_hint().lower()).unwrap_or(MAX_BODY);
    let mut room = Room::new(Arc::clone(&app.body_memory));
    let mut read = Vec::with_capacity(expected.min(FREE));
    while let Some(data) = chunk(&mut body, deadline).await? {
        let refusal = match data.len() > MAX_BODY - read.len() {
            true => Refusal::TooLarge,
            false => match room.make_for(read.len() + data.len()) {
                Ok(()) => {
                    read.extend_from_slice(&data);
                    continue;
                }
                Err(refusal) => refusal,
            },
        };
        drop((read, room));
        discard(&mut body).await;
        return Err(refusal);
    }
    Ok((read, room))
}

/// The next data; nothing at the end.
async fn chunk(body: &mut Incoming, deadline: tokio::time::Instant) -> Result<Option<Bytes>, Refusal> {
    loop {
        match timeout_at(deadline, body.frame()).await.map_err(|_| Refusal::Slow)? {
            None => return Ok(None),
            Some(Err(error)) => return Err(Refusal::Broken(error.to_string())),
            Some(Ok(frame)) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

/// Keeps reading for a while: a client that is still sending would miss the answer.
async fn discard(body: &mut Incoming) {
    let deadline = tokio::time::Instant::now() + DISCARD_TIME;
    let mut read = 0;
    while let Ok(Some(data)) = chunk(body, deadline).await {
        read += data.len();
        if read > 4 * MAX_BODY {
            return;
        }
    }
}

/// Room in the memory that bodies share.
struct Room {
    all: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Room {
    fn new(all: Arc<Semaphore>) -> Self {
        Room { all, taken: None }
    }

    fn make_for(&mut self, size: usize) -> Result<(), Refusal> {
        let taken = self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let missing = size.saturating_sub(FREE).saturating_sub(taken);
        if missing == 0 {
            return Ok(());
        }
        let missing = u32::try_from(missing).map_err(|_| Refusal::TooLarge)?;
        match Arc::clone(&self.all).try_acquire_many_owned(missing) {
            Ok(more) => {
                match &mut self.taken {
                    Some(taken) => taken.merge(more),
                    None => self.taken = Some(more),
                }
                Ok(())
            }
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => Err(Refusal::Busy),
        }
    }
}

/// Why a request is not answered with a review.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error(
        "this path does not exist; POST reviews to /inject or /inject/NAME/VALUE/..., or GET /healthz, /readyz or /metrics"
    )]
    Path,
    #[error("this method is not allowed here; use {allowed}")]
    Method { allowed: &'static str },
    #[error("invalid Content-Type {0:?}, want `application/json`")]
    ContentType(String),
    #[error("no body found; send an AdmissionReview")]
    Empty,
    #[error("Request entity too large: limit is {MAX_BODY}")]
    TooLarge,
    #[error("the body did not arrive within {} s", BODY_TIME.as_secs())]
    Slow,
    #[error("the body could not be read: {0}")]
    Broken(String),
    #[error("too many large requests at once; try again")]
    Busy,
    #[error("{0}")]
    NoReview(review::Refusal),
    #[error("there is no CA of the server's own: its certificate is read from files")]
    NoCa,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Refusal::Path | Refusal::NoCa => StatusCode::NOT_FOUND,
            Refusal::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            Refusal::ContentType(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Refusal::Empty | Refusal::Broken(_) | Refusal::NoReview(_) => StatusCode::BAD_REQUEST,
            Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Refusal::Slow => StatusCode::REQUEST_TIMEOUT,
            Refusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn into_response(self) -> Answer {
        let mut answer = response(self.status(), TEXT, format!("{self}\n"));
        match self {
            Refusal::Method { allowed } => {
                answer.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            }
            Refusal::Busy => {
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
            }
            Refusal::Path
            | Refusal::ContentType(_)
            | Refusal::Empty
            | Refusal::TooLarge
            | Refusal::Slow
            | Refusal::Broken(_)
            | Refusal::NoReview(_)
            | Refusal::NoCa => (),
        }
        answer
    }
}

fn response(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Answer {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("taken", &self.taken).finish_non_exhaustive()
    }
}
