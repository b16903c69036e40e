export { encodeSecret, generateSecret, peerIdOf } from '@peerd/core';
export { type ConfigOptions, type DaemonConfig, loadConfig } from './config/load.ts';
export { type ConfigValues, levelsOf, type RawConfig } from './config/schema.ts';
export { type ConfigEntry, describeConfig } from './config/show.ts';
export { type Daemon, type DaemonInfo, type DaemonOptions, startDaemon } from './daemon.ts';
export { countBuffersWithHeap } from './heap.ts';
export { createLog, type DaemonLog, type Levels, type LogOptions } from './log/log.ts';
export { type LogRecord, LogRing } from './log/ring.ts';
export { version } from './version.ts';
