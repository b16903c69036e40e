export { encodeSecret, generateSecret, peerIdOf } from '@peerd/core';
export { type ConfigOptions, type DaemonConfig, loadConfig } from './config/load.ts';
export type { ConfigValues, RawConfig } from './config/schema.ts';
export { type ConfigEntry, describeConfig } from './config/show.ts';
export { type Daemon, type DaemonInfo, type DaemonOptions, startDaemon } from './daemon.ts';
export type { LogLevel } from './log/levels.ts';
export { createLog } from './log/log.ts';
export { version } from './version.ts';
