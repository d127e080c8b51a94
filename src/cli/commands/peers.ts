// peers list, publish, pull, evaluate, select, mute, hear: the bench between the sites of a federation.
import { Command, Option } from 'commander';
import type { Membership } from '../../contract/federation.ts';
import {
  type Ancestor,
  helpText,
  type Listening,
  type SelectionMethod,
  selectionMethods,
} from '../../contract/peers.ts';
import { contextOf } from '../context.ts';
import { benchModel, port } from '../options.ts';
import { counted, table } from '../output.ts';
import { scoreboardText } from '../scoreboard-text.ts';
import { settledMemberships } from '../settled-memberships.ts';
import type { StationLink } from '../station-link.ts';
import { chosenFederation } from './member.ts';
import { fullId } from './models.ts';

interface FederationOption {
  federation?: string;
}

export function peersCommand(): Command {
  const peers = new Command('peers').description('the models that the sites of a federation show each other');

  ofFederation(peers, 'list')
    .description('who is in the bench, how they are reached, their models and what they do for this site')
    .option('--lineage', 'also the history of the models: what each was made from')
    .action(async (options: FederationOption & { lineage?: boolean }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const shown = await withStation(async (station) => {
        const known = await settledMemberships(() => station.call('memberships', {}));
        const membership = oneOf(known, options.federation);
        const { federation, site, siteFingerprint, peers: others, bench, scoreboard } = membership;
        const lineage = options.lineage ? (await station.call('lineage', { federation })).models : null;
        return { federation, site, fingerprint: siteFingerprint, peers: others, bench, scoreboard, lineage };
      });
      output.result(shown, () => listText(shown));
    });

  ofFederation(peers, 'publish')
    .description('show a model to the peers: one of `imagiq models list`, or the newest that was trained here')
    .argument('[model]', 'its id; of the project’s task and classes, of any network')
    .action(async (id: string | undefined, options: FederationOption, command: Command) => {
      const { output, withStation } = contextOf(command);
      const shown = await withStation(async (station) => {
        const { federation } = await membershipOf(station, options.federation);
        const model = id === undefined ? null : await fullId(station, id);
        const published = await station.call('publish-model', { federation, id: model });
        const { peers: known } = await membershipOf(station, federation);
        const away = new Set(known.filter(({ route }) => route === 'away').map(({ site }) => site));
        return { ...published, atHub: published.recipients.filter((site) => away.has(site)) };
      });
      output.result(
        shown,
        () =>
          `Model ${shown.model.slice(0, 16)} (${shown.network}) is shown. ${handedText(shown.recipients, shown.atHub)}`,
      );
    });

  ofFederation(peers, 'pull')
    .description('fetch the models that are offered')
    .argument('[site]', 'only those of this peer')
    .action(async (site: string | undefined, options: FederationOption, command: Command) => {
      const { output, withStation } = contextOf(command);
      const pulled = await withStation(async (station) => {
        const { federation } = await membershipOf(station, options.federation);
        return station.call('pull-models', { federation, site: site ?? null });
      });
      output.result(pulled, () =>
        [
          ...pulled.fetched.map(({ model, site: author }) => `${model.slice(0, 16)} of ${author}`),
          `${counted(pulled.fetched.length, 'model')} fetched, ${pulled.refused} refused, ${pulled.waiting} could not be had now.`,
        ].join('\n'),
      );
    });

  ofFederation(peers, 'evaluate')
    .description('measure what is new on this site’s own validation images; predictions are kept')
    .action(async (options: FederationOption, command: Command) => {
      const { output, withStation } = contextOf(command);
      const result = await withStation(async (station) => {
        const { federation } = await membershipOf(station, options.federation);
        const { evaluated } = await station.call('evaluate-bench', { federation });
        return { evaluated, bench: (await membershipOf(station, federation)).bench };
      });
      output.result(result, () => `${counted(result.evaluated, 'model')} evaluated.\n${benchText(result.bench)}`);
    });

  ofFederation(peers, 'select')
    .description('choose the ensemble that is best on this site’s own validation images')
    .addOption(
      new Option(
        '--method <method>',
        'from now on: FedPAE’s NSGA-II (until another is named), or one model more or less at a time',
      ).choices(selectionMethods),
    )
    .action(async (options: FederationOption & { method?: SelectionMethod }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const selected = await withStation(async (station) => {
        const { federation } = await membershipOf(station, options.federation);
        return station.call('select-ensemble', { federation, method: options.method ?? null });
      });
      const { auc, accuracy, dice } = selected;
      const row = (model: 'local-only' | 'trunk' | 'ensemble', of: keyof typeof auc) => ({
        model,
        auc: auc[of],
        accuracy: accuracy[of],
        dice: dice[of],
      });
      output.result(selected, () =>
        [
          `Ensemble of ${counted(selected.members.length, 'model')} (${selected.method}); \`imagiq peers keep ensemble\` takes it among the models here:`,
          ...selected.members.map(({ model, site, network }) => `  ${model.slice(0, 16)}  ${site}, ${network}`),
          scoreboardText('validation', [
            row('local-only', 'localOnly'),
            row('trunk', 'trunk'),
            row('ensemble', 'ensemble'),
          ]),
        ].join('\n'),
      );
    });

  ofFederation(peers, 'keep')
    .description(
      'take a model of the bench among the models here, for predict, evaluate, export: the shared one, another, or the chosen ensemble',
    )
    .argument('[model]', 'how its id begins, as `imagiq peers list` shows it; or: ensemble', benchModel)
    .action(async (model: string | undefined, options: FederationOption, command: Command) => {
      const { output, withStation } = contextOf(command);
      const kept = await withStation(async (station) => {
        const { federation } = await membershipOf(station, options.federation);
        return station.call('keep-model', { federation, model: model ?? null });
      });
      const named =
        kept.members.length > 0
          ? `The ensemble of ${kept.members.length} models (${kept.members.join(', ')})`
          : kept.version === null
            ? `The model of ${kept.site}`
            : `Version ${kept.version} of the shared model`;
      output.result(
        kept,
        () =>
          `${named} ${kept.isKnown ? 'is here already' : 'is kept'} as model ${kept.id}: \`imagiq predict --model ${kept.id} --studies …\` runs it on your own images.`,
      );
    });

  peers
    .command('listen')
    .description('whether peers may reach this site directly; without options it is shown')
    .option('--address <name>', 'name or IP address under which peers reach this machine; turns it on')
    .option('--port <number>', 'TCP port that the firewall lets through', port)
    .option('--off', 'do not listen any more')
    .action(async (options: { address?: string; port?: number; off?: boolean }, command: Command) => {
      const { output, withStation } = contextOf(command);
      const listening = await withStation(async (station) => {
        const known = await station.call('listening', {});
        if (options.address === undefined && options.port === undefined && !options.off) return known;
        const { address = known.address, port = known.port } = options;
        return station.call('change-listening', { isOn: !options.off, port, address });
      });
      output.result(listening, () => listeningText(listening));
    });

  for (const [name, isMuted, what] of [
    ['mute', true, 'neither fetch nor choose this peer’s models any more'],
    ['hear', false, 'take this peer’s models again'],
  ] as const) {
    ofFederation(peers, name)
      .description(what)
      .argument('<site>', 'as in `imagiq peers list`')
      .action(async (site: string, options: FederationOption, command: Command) => {
        const { output, withStation } = contextOf(command);
        await withStation(async (station) => {
          const { federation } = await membershipOf(station, options.federation);
          await station.call('mute-peer', { federation, site, isMuted });
        });
        output.result({ site, isMuted }, () => `${site} is ${isMuted ? 'muted' : 'heard'}.`);
      });
  }
  return peers;
}

/** @param atHub those of the recipients that are away: the hub holds it for them */
function handedText(recipients: readonly string[], atHub: readonly string[]): string {
  if (recipients.length === 0) return 'Nobody could be given it yet; it is handed over when they can be reached.';
  const given = recipients.filter((site) => !atHub.includes(site));
  return [
    ...(given.length === 0 ? [] : [`Given to ${given.join(', ')}.`]),
    ...(atHub.length === 0 ? [] : [`The hub holds it, sealed, for ${atHub.join(', ')} until they are back.`]),
  ].join(' ');
}

function listeningText({ isOn, address, listensOn, problem }: Listening): string {
  if (problem !== null) return problem;
  if (!isOn || listensOn === null)
    return 'This site does not listen: models go through the hub, or on lines that it opens.';
  return `Peers are told wss://${address}:${listensOn}. While the app or a command works, they can reach this site there.`;
}

function ofFederation(parent: Command, name: string): Command {
  return parent.command(name).option('--federation <name>', 'needed when there are several');
}

async function membershipOf(station: StationLink, name: string | undefined): Promise<Membership> {
  const { memberships } = await station.call('memberships', {});
  return oneOf(memberships, name);
}

function oneOf(memberships: readonly Membership[], name: string | undefined): Membership {
  const federation = chosenFederation(memberships, name, 'look at the bench of');
  return memberships.find((membership) => membership.federation === federation)!;
}

/** Who is there, how it is reached and why not directly, and the models. */
export function listText(shown: {
  readonly federation: string;
  readonly site: string;
  readonly peers: Membership['peers'];
  readonly bench: Membership['bench'];
  readonly lineage: readonly Ancestor[] | null;
}): string {
  const number = (value: number | null): string => (value === null ? '' : value.toFixed(3));
  const problems = shown.peers.flatMap(({ lineProblem }) => lineProblem ?? []);
  return [
    `${shown.federation} as ${shown.site}`,
    shown.peers.length === 0
      ? 'No other member is known yet.'
      : table(
          ['peer', 'reached', 'models', 'offered', 'best alone', 'adds', 'fingerprint', ''],
          shown.peers.map((peer) => [
            peer.site,
            peer.route,
            peer.models,
            peer.offered,
            number(peer.alone),
            peer.help === null ? '' : helpText(peer.help),
            peer.fingerprint.slice(0, 16),
            peer.isMuted ? 'muted' : '',
          ]),
        ),
    ...(problems.length === 0 ? [] : [problems.join('\n')]),
    benchText(shown.bench),
    ...(shown.lineage === null ? [] : [lineageText(shown.lineage)]),
  ].join('\n\n');
}

function benchText(bench: Membership['bench']): string {
  if (bench.length === 0) return 'No model is on the bench yet.';
  const drawsMasks = bench.some(({ dice }) => dice !== null);
  return table(
    ['model', 'site', 'branch', 'network', `${drawsMasks ? 'Dice' : 'AUC'} here`, 'ensemble'],
    bench.map(({ model, site, branch, network, auc, dice, selected }) => [
      model.slice(0, 16),
      site,
      branch,
      network,
      (drawsMasks ? dice : auc)?.toFixed(3) ?? '',
      selected ? 'chosen' : '',
    ]),
  );
}

/** Newest first, as `git log` has it; a model with several parents is where histories met. */
function lineageText(lineage: readonly Ancestor[]): string {
  if (lineage.length === 0) return 'No model has a history here yet.';
  return [...lineage]
    .reverse()
    .map(({ model, site, branch, turn, parents, at }) => {
      const from = parents.map((parent) => parent.slice(0, 12)).join(' + ');
      const mark = parents.length > 1 ? 'M' : '*';
      const name = `${branch}${turn === null ? '' : ` ${turn}`}`;
      return `${mark} ${model.slice(0, 12)}  ${site}, ${name}  ${at.slice(0, 19).replace('T', ' ')}${from === '' ? '' : `  from ${from}`}`;
    })
    .join('\n');
}
