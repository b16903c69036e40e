export { encodeSecret, generateSecret, peerIdOf } from '@peerd/core';
export { type ConfigOptions, type DaemonConfig, loadConfig } from './config/load.ts';
export type { ConfigValues, RawConfig } from './config/schema.ts';
export { type Daemon, type DaemonInfo, type DaemonOptions, startDaemon } from './daemon.ts';
export { createLog, type LogLevel } from './log.ts';
export { version } from './version.ts';
