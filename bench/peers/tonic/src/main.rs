//! The echo server and a client that makes load, on one thread each.
//!
//!     peers server 127.0.0.1:0 [--mode MODE] [--tls-cert FILE --tls-key FILE [--tls-client-ca FILE]]
//!     peers client|client-nested 127.0.0.1:PORT IN_FLIGHT SECONDS

mod messages;
mod echo {
    include!(concat!(env!("OUT_DIR"), "/bench.Echo.rs"));
}
mod orders {
    include!(concat!(env!("OUT_DIR"), "/bench.Orders.rs"));
}

use echo::echo_client::EchoClient;
use echo::echo_server::{Echo, EchoServer};
use messages::{order, ChunksRequest, ListRequest, Msg, OrderList};
use orders::orders_client::OrdersClient;
use orders::orders_server::{Orders, OrdersServer};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio_stream::{Stream, StreamExt};
use tonic::codec::CompressionEncoding;
use tonic::metadata::KeyAndValueRef;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

type Replies = Pin<Box<dyn Stream<Item = Result<Msg, Status>> + Send>>;

/// The modes of ../modes.ts.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Plain,
    Turn,
    Interceptors,
    Metadata,
    Gzip,
}

impl Mode {
    fn from(name: &str) -> Mode {
        match name {
            "turn" => Mode::Turn,
            "interceptors" => Mode::Interceptors,
            "metadata" => Mode::Metadata,
            "gzip" => Mode::Gzip,
            // Every handler is asynchronous here.
            "async" | "plain" => Mode::Plain,
            _ => panic!("unknown mode {name}"),
        }
    }
}

#[derive(Clone, Copy)]
struct Server(Mode);

#[tonic::async_trait]
impl Echo for Server {
    async fn unary(&self, request: Request<Msg>) -> Result<Response<Msg>, Status> {
        match self.0 {
            Mode::Turn => tokio::task::yield_now().await,
            Mode::Metadata => return Ok(with_fields(request)),
            _ => {}
        }
        Ok(Response::new(request.into_inner()))
    }

    type BidiStream = Replies;
    async fn bidi(&self, request: Request<Streaming<Msg>>) -> Result<Response<Replies>, Status> {
        Ok(Response::new(Box::pin(request.into_inner())))
    }

    type ChunksStream = Replies;
    async fn chunks(&self, request: Request<ChunksRequest>) -> Result<Response<Replies>, Status> {
        let ChunksRequest { count, size } = request.into_inner();
        let message = Msg { payload: vec![0; size as usize] };
        let replies = tokio_stream::iter(0..count).map(move |_| Ok(message.clone()));
        Ok(Response::new(Box::pin(replies)))
    }
}

#[tonic::async_trait]
impl Orders for Server {
    async fn echo(&self, request: Request<OrderList>) -> Result<Response<OrderList>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<OrderList>, Status> {
        let orders = (0..request.into_inner().count).map(order).collect();
        Ok(Response::new(OrderList { orders }))
    }
}

/// Returns the message with the fields of the request as headers.
fn with_fields(request: Request<Msg>) -> Response<Msg> {
    let (metadata, _, message) = request.into_parts();
    let mut response = Response::new(message);
    for field in metadata.iter() {
        if let KeyAndValueRef::Ascii(key, value) = field {
            if key.as_str().starts_with("x-field-") {
                response.metadata_mut().append(key.clone(), value.clone());
            }
        }
    }
    response
}

fn authorized(request: Request<()>) -> Result<Request<()>, Status> {
    match request.metadata().get("authorization") {
        Some(token) if token == "Bearer benchmark" => Ok(request),
        _ => Err(Status::unauthenticated("the token is missing")),
    }
}

/// Largest time of a handler so far, in ns.
static SLOWEST: AtomicU64 = AtomicU64::new(0);

async fn timed<F: Future>(call: F) -> F::Output {
    let start = Instant::now();
    let output = call.await;
    SLOWEST.fetch_max(start.elapsed().as_nanos() as u64, Ordering::Relaxed);
    output
}

async fn serve(address: &str, mode: Mode, tls: Option<ServerTlsConfig>) -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening {}", listener.local_addr()?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let mut builder = tonic::transport::Server::builder();
    if let Some(tls) = tls {
        builder = builder.tls_config(tls)?;
    }
    let mut echo = EchoServer::new(Server(mode)).max_decoding_message_size(8 << 20);
    let mut orders = OrdersServer::new(Server(mode));
    if mode == Mode::Gzip {
        let gzip = CompressionEncoding::Gzip;
        echo = echo.accept_compressed(gzip).send_compressed(gzip);
        orders = orders.accept_compressed(gzip).send_compressed(gzip);
    }
    if mode == Mode::Interceptors {
        let layers = tower::ServiceBuilder::new()
            .layer(tonic::service::InterceptorLayer::new(authorized))
            .map_future(timed);
        builder.layer(layers).add_service(orders).add_service(echo).serve_with_incoming(incoming).await?;
    } else {
        builder.add_service(orders).add_service(echo).serve_with_incoming(incoming).await?;
    }
    Ok(())
}

async fn run<F, C>(call: &F, in_flight: usize, seconds: f64) -> Result<u64, tokio::task::JoinError>
where
    F: Fn() -> C + Clone + Send + 'static,
    C: Future<Output = ()> + Send,
{
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let call = call.clone();
            tokio::spawn(async move {
                let mut calls = 0;
                while Instant::now() < end {
                    call().await;
                    calls += 1;
                }
                calls
            })
        })
        .collect();
    let mut calls = 0;
    for task in tasks {
        calls += task.await?;
    }
    Ok(calls)
}

/// Runs `call` again and again, `in_flight` times at once, and prints the rate and the CPU time of this process.
async fn load<F, C>(call: F, in_flight: usize, seconds: f64) -> Result<(), Box<dyn std::error::Error>>
where
    F: Fn() -> C + Clone + Send + 'static,
    C: Future<Output = ()> + Send,
{
    // The first second isn't measured.
    run(&call, in_flight, 1.0).await?;
    let cpu = cpu_seconds()?;
    let start = Instant::now();
    let calls = run(&call, in_flight, seconds).await?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu_seconds()? - cpu;
    println!("{{\"calls\":{calls},\"seconds\":{seconds},\"cpuSeconds\":{cpu}}}");
    Ok(())
}

/// What this process has used so far, in user and kernel mode (proc(5): fields 14 and 15, in ticks of 10 ms).
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat[stat.rfind(')').ok_or("no name")? + 2..].split(' ').collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}

/// Values of the arguments `--NAME VALUE` after the address.
fn option<'a>(args: &'a [String], name: &str) -> Option<&'a str> {
    let at = args.iter().position(|arg| arg == name)?;
    args.get(at + 1).map(String::as_str)
}

fn tls_config(args: &[String]) -> Result<Option<ServerTlsConfig>, Box<dyn std::error::Error>> {
    let (Some(cert), Some(key)) = (option(args, "--tls-cert"), option(args, "--tls-key")) else {
        return Ok(None);
    };
    let identity = Identity::from_pem(std::fs::read(cert)?, std::fs::read(key)?);
    let config = ServerTlsConfig::new().identity(identity);
    Ok(Some(match option(args, "--tls-client-ca") {
        Some(file) => config.client_ca_root(Certificate::from_pem(std::fs::read(file)?)),
        None => config,
    }))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    if args[1] == "server" {
        let mode = Mode::from(option(&args, "--mode").unwrap_or("plain"));
        return serve(&args[2], mode, tls_config(&args)?).await;
    }
    let address = format!("http://{}", args[2]);
    let (in_flight, seconds) = (args[3].parse()?, args[4].parse()?);
    if args[1] == "client-nested" {
        let client = OrdersClient::connect(address).await?;
        let list = OrderList { orders: (0..10).map(order).collect() };
        let call = move || {
            let (mut client, list) = (client.clone(), list.clone());
            async move {
                client.echo(list).await.expect("a call failed");
            }
        };
        return load(call, in_flight, seconds).await;
    }
    let client = EchoClient::connect(address).await?;
    let call = move || {
        let mut client = client.clone();
        async move {
            client.unary(Msg { payload: vec![0; 64] }).await.expect("a call failed");
        }
    };
    load(call, in_flight, seconds).await
}
