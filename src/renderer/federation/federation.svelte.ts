// The federations that this site belongs to, and the way in and out.
import type { CallOutput } from '../../contract/calls.ts';
import { faultValueOf } from '../../contract/fault.ts';
import type { Membership } from '../../contract/federation.ts';
import type { Model } from '../../contract/model.ts';
import type { LeakPictures } from '../../contract/privacy.ts';
import type { Ancestor } from '../../contract/peers.ts';
import type { StationLink } from '../bridge/station-link.ts';
import type { Toasts } from '../ui/toasts.svelte.ts';

type ReadInvite = CallOutput<'read-invite'>;

export class Federations {
  #memberships = $state.raw<readonly Membership[] | null>(null);
  #shown = $state<string | null>(null);
  #invite = $state('');
  #asksForInvite = $state(false);
  #offer = $state.raw<ReadInvite | null>(null);
  #problem = $state<string | null>(null);
  #isBusy = $state(false);
  readonly #station: StationLink;
  readonly #toasts: Toasts;

  constructor(station: StationLink, toasts: Toasts) {
    this.#station = station;
    this.#toasts = toasts;
    station.watch('membership-changed', (membership) => this.#take(membership));
    void this.reload();
  }

  /** Current memberships; ones that were left are not among them. Null until the station answered. */
  get memberships(): readonly Membership[] | null {
    return this.#memberships?.filter((membership) => membership.state !== 'left') ?? null;
  }

  /** The one that the screen shows: the one that was chosen or joined last, else the first. */
  get shown(): Membership | null {
    const current = this.memberships ?? [];
    return current.find(({ federation }) => federation === this.#shown) ?? current[0] ?? null;
  }

  show(federation: string): void {
    this.#shown = federation;
  }

  /** The form for an invite was opened: by a person, or by a link. Where this site is no member it is shown anyway. */
  get asksForInvite(): boolean {
    return this.#asksForInvite;
  }

  get invite(): string {
    return this.#invite;
  }

  /** What the pasted invite would join. */
  get offer(): ReadInvite | null {
    return this.#offer;
  }

  /** What is wrong with the invite or the join, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  async reload(): Promise<void> {
    try {
      this.#memberships = (await this.#station.ask('memberships', {})).memberships;
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  /** Opens the form for an invite, or closes it with what was pasted there. */
  askForInvite(isWanted: boolean): void {
    this.#asksForInvite = isWanted;
    if (!isWanted) void this.paste('');
  }

  /** Takes what was pasted and reads it, without contacting the hub. */
  async paste(text: string): Promise<void> {
    this.#invite = text.trim();
    this.#offer = null;
    this.#problem = null;
    if (this.#invite === '') return;
    this.#asksForInvite = true;
    const asked = this.#invite;
    try {
      const offer = await this.#station.ask('read-invite', { invite: asked });
      if (this.#invite === asked) this.#offer = offer;
    } catch (fault) {
      if (this.#invite === asked) this.#problem = faultValueOf(fault).message;
    }
  }

  /** @returns whether it was done. */
  async join(site: string): Promise<boolean> {
    this.#isBusy = true;
    this.#problem = null;
    try {
      const membership = await this.#station.ask('join', { invite: this.#invite, site });
      this.#take(membership);
      this.show(membership.federation);
      this.askForInvite(false);
      this.#toasts.tell(`Joined “${membership.federation}” as ${membership.site}.`);
      return true;
    } catch (fault) {
      this.#problem = faultValueOf(fault).message;
      // News of the attempt may have come before its failure.
      await this.reload();
      return false;
    } finally {
      this.#isBusy = false;
    }
  }

  /** Of the project that was read: where the coordinator has changed it meanwhile nothing is answered. */
  async approve({ federation, projectHash }: Membership, cohort: string): Promise<void> {
    await this.#order(() => this.#station.ask('approve-project', { federation, cohort, projectHash }));
  }

  /** A person has looked at what the leak probe found, and wants updates sent. */
  async acceptLeak(federation: string): Promise<void> {
    await this.#order(() => this.#station.ask('accept-leak', { federation }));
  }

  /** Runs the project's leak probe once more. */
  async probeAgain(federation: string): Promise<void> {
    await this.#order(() => this.#station.ask('probe-again', { federation }));
  }

  /** Pictures of the project's leak probe; null where none are kept. */
  async leakPictures(federation: string): Promise<LeakPictures | null> {
    try {
      return (await this.#station.ask('kept-leak-probe', { federation })).pictures;
    } catch (fault) {
      this.#toasts.fault(fault);
      return null;
    }
  }

  /** The data manager's no; the coordinator reads the reason. */
  async decline({ federation, projectHash }: Membership, because: string): Promise<void> {
    if (await this.#order(() => this.#station.ask('decline-project', { federation, because, projectHash })))
      this.#toasts.tell(
        `Declined the project of “${federation}”. Nothing is trained here, and the coordinator reads your reason.`,
      );
  }

  async leave(federation: string): Promise<void> {
    try {
      const { hasHubHeard } = await this.#station.ask('leave', { federation });
      const unheard = hasHubHeard ? '' : ' The hub does not answer; it is told of it as soon as it does.';
      this.#toasts.tell(`Left “${federation}”. Your studies, cohorts and models stay here.${unheard}`);
    } catch (fault) {
      this.#toasts.fault(fault);
    }
    await this.reload();
  }

  /** Opts out of a peer's models, or back in. */
  async mute(federation: string, site: string, isMuted: boolean): Promise<void> {
    try {
      await this.#station.ask('mute-peer', { federation, site, isMuted });
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  /** Federations whose project a model may be shown for: approved here, of its task and classes. */
  showableTo({ task, classes }: Model): string[] {
    return (this.memberships ?? []).flatMap(({ federation, project, cohort, state }) => {
      const isHere = cohort !== null && state !== 'refused';
      const isAlike = project?.network.task === task && project.classes.join('\n') === classes.join('\n');
      return isHere && isAlike ? [federation] : [];
    });
  }

  /** Shows a model that was trained here to the peers of a federation. */
  async publish(federation: string, id: string): Promise<void> {
    try {
      const { recipients } = await this.#station.ask('publish-model', { federation, id });
      const membership = this.memberships?.find((one) => one.federation === federation);
      const isAway = (site: string): boolean =>
        membership?.peers.some((peer) => peer.site === site && peer.route === 'away') ?? false;
      const [away, there] = [recipients.filter(isAway), recipients.filter((site) => !isAway(site))];
      const words = [
        there.length > 0 ? `The model is shown to ${there.join(', ')}.` : 'The model is shown.',
        ...(away.length > 0 ? [`The hub holds it, sealed, for ${away.join(', ')} until they are back.`] : []),
        ...(recipients.length === 0 ? ['Peers get it as soon as they can be reached.'] : []),
      ];
      this.#toasts.tell(words.join(' '));
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  /** Takes a model of the bench among this site's own: the whole hash of its weights, or `ensemble` for what was chosen. */
  async keepModel(federation: string, model: string): Promise<void> {
    try {
      const { id, isKnown, members } = await this.#station.ask('keep-model', { federation, model });
      const what = members.length > 0 ? `The ensemble of ${members.length} models` : `Model ${id}`;
      this.#toasts.tell(
        isKnown
          ? `${what} is in Models already.`
          : members.length > 0
            ? `${what} is kept as model ${id}: it is in Models now.`
            : `Kept as model ${id}: it is in Models now.`,
      );
    } catch (fault) {
      this.#toasts.fault(fault);
    }
  }

  /** The history of the models on the bench, oldest first; null where it could not be had. */
  async lineage(federation: string): Promise<readonly Ancestor[] | null> {
    try {
      return (await this.#station.ask('lineage', { federation })).models;
    } catch (fault) {
      this.#toasts.fault(fault);
      return null;
    }
  }

  /** @returns whether it was done. */
  async #order(give: () => Promise<Membership>): Promise<boolean> {
    this.#isBusy = true;
    try {
      this.#take(await give());
      return true;
    } catch (fault) {
      this.#toasts.fault(fault);
      return false;
    } finally {
      this.#isBusy = false;
    }
  }

  #take(membership: Membership): void {
    const known = this.#memberships ?? [];
    const isKnown = known.some(({ federation }) => federation === membership.federation);
    this.#memberships = isKnown
      ? known.map((other) => (other.federation === membership.federation ? membership : other))
      : [...known, membership];
  }
}
