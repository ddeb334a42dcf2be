//! One connection, to a server, to the master that Sentinel names, or to a cluster.

use std::time::Duration;

use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, Cmd, FromRedisValue, Pipeline, PushInfo, RedisFuture,
    RedisResult, TlsMode, Value,
};

use super::options::{Place, RedisOptions};

/// How long a connection may take to come up, and an answer to come.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) enum Connection {
    Server(MultiplexedConnection),
    Cluster(Box<ClusterConnection>),
}

type OnPush = Box<dyn Fn(PushInfo) + Send + Sync>;

impl Connection {
    /// Opens a connection; `on_push` gets what the server sends unasked.
    pub(super) async fn open(options: &RedisOptions, on_push: Option<OnPush>) -> RedisResult<Self> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE));
        let config = match &options.place {
            Place::Cluster(_) => config,
            _ => match on_push {
                Some(on_push) => {
                    return Self::open_single(
                        options,
                        config.set_push_sender(move |push| {
                            on_push(push);
                            Ok::<(), ()>(())
                        }),
                    )
                    .await;
                }
                None => config,
            },
        };
        if let Place::Cluster(nodes) = &options.place {
            let mut builder = ClusterClient::builder(nodes.clone())
                .use_protocol(redis::ProtocolVersion::RESP3)
                .connection_timeout(PATIENCE)
                .response_timeout(PATIENCE);
            if let Some(on_push) = on_push {
                builder = builder.push_sender(move |push| {
                    on_push(push);
                    Ok::<(), ()>(())
                });
            }
            let connection = builder.build()?.get_async_connection().await?;
            return Ok(Self::Cluster(Box::new(connection)));
        }
        Self::open_single(options, config).await
    }

    async fn open_single(
        options: &RedisOptions,
        config: AsyncConnectionConfig,
    ) -> RedisResult<Self> {
        let connection = match &options.place {
            Place::Server(info) => {
                let client = Client::open((**info).clone())?;
                client.get_multiplexed_async_connection_with_config(&config).await?
            }
            Place::Sentinel { sentinels, service, node, tls } => {
                let mut info =
                    SentinelNodeConnectionInfo::default().set_redis_connection_info(node.clone());
                if *tls {
                    info = info.set_tls_mode(TlsMode::Secure);
                }
                let (sentinels, kind) = (sentinels.clone(), SentinelServerType::Master);
                let mut client =
                    SentinelClient::build(sentinels, service.clone(), Some(info), kind)?;
                client.get_async_connection_with_config(&config).await?
            }
            Place::Cluster(_) => unreachable!("a cluster has its own client"),
        };
        Ok(Self::Server(connection))
    }

    pub(super) async fn query<T: FromRedisValue>(&mut self, pipe: &Pipeline) -> RedisResult<T> {
        pipe.query_async(self).await
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::Server(connection) => connection.req_packed_command(cmd),
            Self::Cluster(connection) => connection.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        cmd: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::Server(connection) => connection.req_packed_commands(cmd, offset, count),
            Self::Cluster(connection) => connection.req_packed_commands(cmd, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::Server(connection) => connection.get_db(),
            Self::Cluster(connection) => connection.get_db(),
        }
    }
}
