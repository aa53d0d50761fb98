//! The echo server and a client that makes load, on one thread each.
//!
//!     peers server 127.0.0.1:0 [--tls-cert FILE --tls-key FILE]
//!     peers client 127.0.0.1:PORT IN_FLIGHT SECONDS

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
use orders::orders_server::{Orders, OrdersServer};
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

type Replies = Pin<Box<dyn Stream<Item = Result<Msg, Status>> + Send>>;

struct Server;

#[tonic::async_trait]
impl Echo for Server {
    async fn unary(&self, request: Request<Msg>) -> Result<Response<Msg>, Status> {
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

async fn serve(address: &str, tls: Option<(&str, &str)>) -> Result<(), Box<dyn std::error::Error>> {
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening {}", listener.local_addr()?);
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    let mut builder = tonic::transport::Server::builder();
    if let Some((cert, key)) = tls {
        let identity = tonic::transport::Identity::from_pem(std::fs::read(cert)?, std::fs::read(key)?);
        builder = builder.tls_config(tonic::transport::ServerTlsConfig::new().identity(identity))?;
    }
    builder
        .add_service(OrdersServer::new(Server))
        .add_service(EchoServer::new(Server).max_decoding_message_size(8 << 20))
        .serve_with_incoming(incoming)
        .await?;
    Ok(())
}

async fn load(address: &str, in_flight: usize, seconds: f64) -> Result<(), Box<dyn std::error::Error>> {
    let client = EchoClient::connect(format!("http://{address}")).await?;
    let cpu = cpu_seconds()?;
    let end = Instant::now() + Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let tasks: Vec<_> = (0..in_flight)
        .map(|_| {
            let mut client = client.clone();
            tokio::spawn(async move {
                let mut calls = 0u64;
                while Instant::now() < end {
                    let message = Msg { payload: vec![0; 64] };
                    client.unary(message).await.expect("a call failed");
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    match args[1].as_str() {
        "server" if args.len() == 7 => serve(&args[2], Some((&args[4], &args[6]))).await,
        "server" => serve(&args[2], None).await,
        _ => load(&args[2], args[3].parse()?, args[4].parse()?).await,
    }
}
