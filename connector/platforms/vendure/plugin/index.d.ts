import { Type } from '@vendure/core';

/** Where one channel's news goes, and what it is signed with: both are shown by connector. */
export interface ConnectorTarget {
    address: string;
    secret: string;
}

export interface ConnectorOptions {
    /** Targets by the channel's code. Without one, what stands in the channel's own fields counts. */
    channels?: Record<string, ConnectorTarget>;
    /** How often a delivery that failed is tried again. Default: 20. */
    retries?: number;
}

export declare class ConnectorPlugin {
    static init(options?: ConnectorOptions): Type<ConnectorPlugin>;
    /** Milliseconds before the next try: doubling, at most an hour. For `backoffStrategy` of your job queue. */
    static pause(attempts: number): number;
}
