/** How much is measured. */
export type Scale = {
  /** Rounds of the floor and of the operator each. */
  pairs: number;
  /** AppSecrets of a round. */
  objects: number;
  /** AppSecrets that a new operator publishes before it is measured: its code is compiled then. */
  warmUp: number;
  /** Of the measurement at 20/s in each round. */
  latencySeconds: number;
  /** Of each of the types of which a namespace has one. */
  holders: number;
  /** What the cluster holds in the end, and in how many steps it gets there. */
  appSecrets: number;
  unrelatedSecrets: number;
  steps: number;
  /** How long nothing may be written after a restart. */
  steadySeconds: number;
  /** AppSecrets that are changed, deleted and recreated all the time. */
  churning: number;
  /** How often the leader is killed. */
  kills: number;
  /** AppSecrets that are checked live, with so many different targets. */
  verified: number;
  targets: number;
  verifyIntervalSeconds: number;
  /** Targets that hang, and how often and how long others are measured beside them. */
  hanging: number;
  hangingRounds: number;
  hangingSeconds: number;
};

export const SCALES = {
  full: {
    pairs: 5,
    objects: 1000,
    warmUp: 300,
    latencySeconds: 8,
    holders: 40,
    appSecrets: 10_000,
    unrelatedSecrets: 30_000,
    steps: 10,
    steadySeconds: 10,
    churning: 500,
    kills: 2,
    verified: 1000,
    targets: 200,
    verifyIntervalSeconds: 30,
    hanging: 100,
    hangingRounds: 4,
    hangingSeconds: 8,
  },
  /** Shows that everything works, and measures nothing. */
  small: {
    pairs: 1,
    objects: 40,
    warmUp: 10,
    latencySeconds: 1,
    holders: 3,
    appSecrets: 60,
    unrelatedSecrets: 60,
    steps: 3,
    steadySeconds: 1,
    churning: 20,
    kills: 1,
    verified: 12,
    targets: 4,
    verifyIntervalSeconds: 10,
    hanging: 5,
    hangingRounds: 1,
    hangingSeconds: 1,
  },
} as const satisfies Record<string, Scale>;
