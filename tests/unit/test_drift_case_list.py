"""Every case of the list that the drift engine is specified by has a test, or a reason why none can be."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from tests.controlplane.test_drift_cases import CASES

FOLDER = "tests.controlplane"
TOTAL = 98
MOST_EXCUSES = 5

# Cases that a row of `test_drift_cases.CASES` cannot hold, with the test that is theirs.
ELSEWHERE = {
    27: "test_drift_cluster.test_27_a_definition_that_makes_an_atomic_map_granular",
    36: "test_drift_cluster.test_36_what_admission_sets_is_no_drift_and_is_asked",
    43: "test_drift_repository.test_43_44_and_45_what_git_does_not_hold",
    44: "test_drift_repository.test_43_44_and_45_what_git_does_not_hold",
    45: "test_drift_repository.test_43_44_and_45_what_git_does_not_hold",
    46: "test_drift_argo.test_argo_cd_says_the_same",
    47: "test_drift_repository.test_47_a_generated_name_that_changes_is_one_object",
    54: "test_drift_cluster.test_54_a_namespace_that_is_being_deleted",
    58: "test_drift_repository.test_58_one_object_twice_blocks_its_kustomization_only",
    59: "test_drift_repository.test_59_a_list_is_its_items",
    64: "test_drift_cluster.test_64_a_sealed_secret_is_compared_by_the_names_of_its_keys",
    65: "test_drift_cluster.test_65_a_value_that_is_only_encrypted_anew_is_no_drift",
    70: "test_drift_cluster.test_70_what_only_the_server_writes_into_a_definition_is_no_drift",
    73: "test_drift_cluster.test_73_fields_that_another_version_owns_are_asked_about",
    78: "test_drift_repository.test_78_variables_come_from_the_cluster",
    79: "test_drift_repository.test_79_a_missing_variable_blocks_and_is_named",
    80: "test_drift_repository.test_80_and_81_a_chart_that_throws_dice_or_asks_the_cluster_is_not_drift",
    81: "test_drift_repository.test_80_and_81_a_chart_that_throws_dice_or_asks_the_cluster_is_not_drift",
    82: "test_drift_repository.test_82_pending_is_told_from_drifted",
    85: "test_drift_cluster.test_85_without_list_each_object_is_read_by_name",
    86: "test_drift_faults.test_an_expired_exec_credential_is_renewed_once",
    87: "test_drift_faults.test_a_list_that_fails",
    88: "test_drift_faults.test_a_server_that_says_nothing_fails_in_time",
    89: "test_drift_faults.test_a_dry_run_that_fails",
    90: "test_drift_cluster.test_90_and_95_a_policy_denies_or_warns",
    91: "test_drift_faults.test_a_list_that_fails",
    92: "test_drift_watch.test_a_watch_ends_up_with_what_is_there",
    93: "test_drift_cluster.test_93_an_api_service_that_is_down_blinds_its_group_only",
    94: "test_drift_cluster.test_94_a_dead_conversion_webhook_blinds_its_kind_only",
    95: "test_drift_cluster.test_90_and_95_a_policy_denies_or_warns",
    96: "test_drift_repository.test_96_another_cluster_is_refused",
    97: "test_drift_cluster.test_97_an_object_that_moves_between_list_and_dry_run",
    98: "test_drift_cluster.test_98_what_is_set_only_on_real_writes_is_no_drift",
}

# What cannot be made on this machine, and why.
EXCUSES = {
    72: "the faulty merge of metrics is in API servers before 1.27; the harness builds a newer one",
    83: "neither Git nor the cluster says which state of a moving base was applied: there is no digest to show",
}


def rows() -> dict[int, str]:
    """Case number to the test of it."""
    table = {int(re.match(r"\d+", case.number)[0]): "test_drift_cases.test_case" for case in CASES}
    return table | ELSEWHERE


@pytest.mark.parametrize("number", range(1, TOTAL + 1))
def test_every_case_has_a_test_or_a_reason(number: int) -> None:
    where = rows().get(number)
    if where is None:
        assert EXCUSES[number]
        return
    assert number not in EXCUSES
    module, name = where.split(".")
    assert callable(getattr(importlib.import_module(f"{FOLDER}.{module}"), name))


def test_excuses_are_few_and_no_row_is_of_no_case() -> None:
    assert len(EXCUSES) <= MOST_EXCUSES
    assert {*rows(), *EXCUSES} == set(range(1, TOTAL + 1))


@pytest.mark.parametrize(
    ("module", "fault"),
    [("test_drift_faults", "429"), ("test_drift_faults", "410"), ("test_drift_watch", "410")],
)
def test_the_faults_are_among_those_that_the_proxy_makes(module: str, fault: str) -> None:
    """Cases 87, 91 and 92 are parameters of tests that are named for many faults."""
    text = (Path(__file__).parents[1] / "controlplane" / f"{module}.py").read_text()
    assert fault in text
