// Earlier studies of the same patient in this library, to be seen beside the one that is read.
import type { Series, Study } from '../../contract/dicom.ts';
import type { StationLink } from '../bridge/station-link.ts';
import { firstSeries } from './hanging.ts';

/** More are not looked through. */
const studiesLimit = 200;

export interface Prior {
  readonly study: Study;
  readonly series: Series;
}

export class Priors {
  readonly #study: Study;
  /** The newest first. */
  #earlier = $state.raw<readonly Study[]>([]);

  constructor(study: Study, station: StationLink) {
    this.#study = study;
    // Without an answer there is none to offer; a study without a date is before and after nothing.
    if (study.studyDate !== '') this.#load(station).catch(() => {});
  }

  /** The newest earlier study with the modality of a series: its series of the same name, else the one to begin with. */
  for(series: Series | null): Prior | null {
    if (!series) return null;
    for (const study of this.#earlier) {
      const alike = study.series.filter(({ modality, frames }) => modality === series.modality && frames > 0);
      const named = alike.find(({ description }) => description !== '' && description === series.description);
      const found = named ?? (alike.length > 0 ? firstSeries({ ...study, series: alike }) : undefined);
      if (found) return { study, series: found };
    }
    return null;
  }

  async #load(station: StationLink): Promise<void> {
    const { studyInstanceUID, studyDate } = this.#study;
    const own = { field: 'studyInstanceUID' as const, anyOf: [studyInstanceUID] };
    const { patients } = await station.ask('patients', { filters: [own] });
    const filters = [{ field: 'patient' as const, patients: patients.map(({ patient }) => patient) }];
    const asked = { filters, sortBy: 'studyDate' as const, descending: true, limit: studiesLimit };
    const { studies } = await station.ask('studies', asked);
    this.#earlier = studies.filter((one) => one.studyDate !== '' && one.studyDate < studyDate);
  }
}

/** How long before another a study was made, in words; both dates are YYYYMMDD. */
export function timeBefore(earlier: string, later: string): string {
  const [from, to] = [earlier, later].map((date) =>
    Date.UTC(Number(date.slice(0, 4)), Number(date.slice(4, 6)) - 1, Number(date.slice(6, 8))),
  );
  const days = Math.round(((to ?? 0) - (from ?? 0)) / 86_400_000);
  if (!Number.isFinite(days)) return '';
  if (days < 60) return `${days} ${days === 1 ? 'day' : 'days'} before`;
  const months = Math.floor(days / 30.44);
  if (months < 24) return `${months} months before`;
  return `${Math.floor(days / 365.25)} years before`;
}
