'use strict';
// Store configuration, driven by environment variables so that several
// independent stores can run side by side on one machine.
const fs = require('fs');
const path = require('path');
const { DefaultJobQueuePlugin, DefaultSearchPlugin, dummyPaymentHandler, DefaultLogger, LogLevel } = require('@vendure/core');
const { AssetServerPlugin } = require('@vendure/asset-server-plugin');
const { ConnectorPlugin } = require('./connector-vendure-plugin');

const port = Number(process.env.PORT || 3901);
const dataDir = process.env.STORE_DATA;
if (!dataDir) throw new Error('STORE_DATA must name a folder for this store');
fs.mkdirSync(path.join(dataDir, 'assets'), { recursive: true });

function database() {
    const kind = process.env.STORE_DB || 'postgres';
    const common = { synchronize: true, logging: false };
    if (kind === 'postgres') {
        return {
            ...common, type: 'postgres',
            host: process.env.PGHOST || '127.0.0.1', port: Number(process.env.PGPORT || 5432),
            username: process.env.PGUSER || 'postgres', password: process.env.PGPASSWORD || '',
            database: process.env.PGDATABASE || 'vendure',
        };
    }
    return { ...common, type: 'sqljs', autoSave: true, location: path.join(dataDir, 'store.sqljs'), database: new Uint8Array([]) };
}

exports.dataDir = dataDir;
exports.config = {
    logger: new DefaultLogger({ level: process.env.STORE_VERBOSE ? LogLevel.Verbose : LogLevel.Info, timestamp: true }),
    apiOptions: {
        hostname: '127.0.0.1', port,
        adminApiPath: 'admin-api', shopApiPath: 'shop-api',
        adminListQueryLimit: 1000, shopListQueryLimit: 100,
        cors: { origin: true, credentials: true },
    },
    authOptions: {
        tokenMethod: ['bearer', 'cookie', 'api-key'],
        requireVerification: false,
        superadminCredentials: {
            identifier: process.env.STORE_ADMIN || 'superadmin',
            password: process.env.STORE_ADMIN_PASSWORD || 'superadmin',
        },
        cookieOptions: { secret: 'local-rig-only' },
    },
    dbConnectionOptions: database(),
    paymentOptions: { paymentMethodHandlers: [dummyPaymentHandler] },
    importExportOptions: {
        importAssetsDir: path.join(path.dirname(require.resolve('@vendure/create/package.json')), 'assets', 'images'),
    },
    plugins: [
        AssetServerPlugin.init({ route: 'assets', assetUploadDir: path.join(dataDir, 'assets') }),
        DefaultJobQueuePlugin.init({
            pollInterval: queue => (queue.startsWith('connector-') ? 20 : 200),
            concurrency: 8,
            backoffStrategy: (queueName, attempts) => (queueName.startsWith('connector-') ? ConnectorPlugin.pause(attempts) / 5 : 1000),
        }),
        DefaultSearchPlugin.init({ bufferUpdates: false, indexStockStatus: true }),
        ConnectorPlugin.init(),
    ],
};
