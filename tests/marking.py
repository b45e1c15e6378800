"""What each test needs: markers, groups for pytest-xdist, time-outs; by folder, file and name."""

from __future__ import annotations

from pathlib import Path

TESTS = Path(__file__).parent
HOST_TIMEOUT_S = 2400  # the first test of a host builds its system and runs all its cases
SPANDREL_TIMEOUT_S = 3600  # builds an environment of 6 GB

# Tests that start a real program, by folder or file → its name, which is their group: one process
# of pytest-xdist runs all tests of a program, because they share what one run of it left.
HOSTS = {
    "gimp": "gimp",
    "blender": "blender",
    "test_gimp_2_10.py": "python2.7",
    "test_service_page.py": "chromium",
}
# In a host's folder, without it.
HOSTLESS = {"test_blender_data.py", "test_blender_fake.py", "test_install_blender.py"}
TRAINING = {
    "test_denoise_train.py",
    "test_finetune.py",
    "test_photo_train.py",
    "test_track_train.py",
    "test_train.py",
    "test_tune.py",
    "test_upscale_train.py",
}
# Of three seconds and more beside those, as `./install/test --durations=50` shows them. The first
# to use PyMatting waits a minute or two for its compiler.
SLOW = {
    "test_activation.py::test_of_a_network_that_pools_it_is_zhou_s_map",
    "test_activation.py::test_the_report_says_what_the_subject_is_taken_for",
    "test_birefnet.py::test_its_published_folder_comes_in_without_its_code",
    "test_claims.py::test_a_killed_run_holds_nothing_back_and_leaves_nothing",
    "test_claims.py::test_a_second_run_is_refused_and_told_who_writes",
    "test_claims.py::test_chunks_of_one_shot_run_side_by_side",
    "test_claims.py::test_other_settings_do_not_mix_into_a_shot",
    "test_claims.py::test_records_that_are_gone_are_made_from_the_files",
    "test_damaged_light.py::test_every_task_gives_finite_pixels",
    "test_denoise.py::test_benchmark",
    "test_enhance_colour.py::test_casts_on_photographs",
    "test_farm.py::test_a_worker_killed_in_mid_shot_costs_nothing",
    "test_farm.py::test_broken_frames_are_named_and_the_rest_is_done",
    "test_farm.py::test_open_job_description_runs_as_it_says",
    "test_faults.py::test_headers_that_lie",
    "test_faults.py::test_hostile_networks_and_cards",
    "test_faults.py::test_hostile_uploads",
    "test_faults.py::test_kills",
    "test_faults.py::test_what_a_shot_keeps_is_spoiled",
    "test_faults.py::test_malformed_messages",
    "test_faults.py::test_mutated_pictures",
    "test_faults.py::test_slow_clients_are_let_go",
    "test_faults.py::test_six_clients_after_a_day_of_rest",
    "test_folders.py::test_a_folder_comes_in_and_cuts_out_by_a_click",
    "test_folders.py::test_queries_as_their_own_code_gives_them",
    "test_foreground.py::test_as_good_as_pymatting",
    "test_instances.py::test_a_network_is_measured_by_what_it_tells_apart",
    "test_key.py::test_linear_floats_of_any_size_and_exposure",
    "test_objects.py::test_each_has_a_numbered_matte_and_can_be_cut_out",
    "test_objects.py::test_python_and_worker_give_the_same",
    "test_package.py::test_the_packages_hold_what_their_licence_says",
    "test_package.py::test_the_wheel_works_in_an_empty_environment",
    "test_product.py::test_a_series_stands_on_one_line_and_looks_equally_large",
    "test_product.py::test_light_and_white_are_matched_over_a_series",
    "test_proofs.py::test_a_graph_of_one",
    "test_proofs.py::test_adain",
    "test_proofs.py::test_cutie",
    "test_proofs.py::test_is_nets_graphs_are_told_by_their_kernels",
    "test_proofs.py::test_mattes",
    "test_proofs.py::test_u_net",
    "test_proofs.py::test_u_net_of_several_classes",
    "test_progress.py::test_one_long_picture_shows_how_far_it_is",
    "test_quicken.py::test_a_click_cuts_out_by_it",
    "test_quicken.py::test_a_failing_export_stays_with_torch",
    "test_quicken.py::test_a_spoilt_cache_stops_nobody",
    "test_quicken.py::test_the_answers_are_torchs",
    "test_quicken.py::test_what_gains_too_little_or_answers_otherwise_stays_with_torch",
    "test_quicken.py::test_what_was_found_is_kept_and_torch_stays_away",
    "test_ranking.py::test_a_restricted_licence_comes_last",
    "test_ranking.py::test_the_better_one_comes_first_and_is_measured_once",
    "test_refine.py::test_closed_form_agrees_with_pymatting",
    "test_roto.py::test_chunks_give_the_same_files_as_one_run",
    "test_roto.py::test_killed_at_any_moment_and_run_again_gives_the_same_bytes",
    "test_service.py::test_a_client_that_does_not_read_is_let_go",
    "test_service.py::test_a_client_that_leaves_cancels_what_it_waits_for",
    "test_service.py::test_a_full_disk_is_told_and_the_server_goes_on",
    "test_service.py::test_a_job_tells_its_progress_gives_its_result_and_is_forgotten",
    "test_service.py::test_keys_open_and_jobs_belong_to_them",
    "test_service.py::test_pointing_keeps_the_picture_and_follows_gestures",
    "test_service.py::test_the_cut_out_is_the_one_that_the_python_door_gives",
    "test_service.py::test_told_to_end_it_finishes_what_is_in_work",
    "test_service.py::test_what_a_killed_server_left_is_deleted_by_the_next",
    "test_service.py::test_what_cannot_be_served_is_one_sentence",
    "test_service.py::test_what_waits_is_bounded_and_what_takes_long_is_ended",
    "test_service_shared.py::test_a_broker_or_a_store_that_dies_is_told_and_comes_back",
    "test_service_shared.py::test_a_result_is_its_owners_alone",
    "test_service_shared.py::test_a_shared_folder_serves_as_store",
    "test_service_shared.py::test_a_worker_killed_in_mid_work_loses_nothing",
    "test_service_shared.py::test_at_once_as_a_job_and_as_rembgs_the_same_as_alone",
    "test_service_shared.py::test_cancelled_in_mid_work_and_what_nobody_asks_for_expires",
    "test_service_shared.py::test_places_that_make_no_sense_are_one_sentence",
    "test_service_shared.py::test_what_ends_every_worker_is_given_up",
    "test_service_shared.py::test_what_waits_is_bounded",
    "test_setup.py::test_the_bill_names_what_an_installation_consists_of",
    "test_spandrel.py::test_spandrels_networks_in_the_environment_with_torchvision",
    "test_stills.py::test_a_png_has_the_same_bytes_wherever_memory_lies",
    "test_style_optimised.py::test_a_seed_gives_the_same_painting_and_another_one_another",
    "test_style_optimised.py::test_depth_alpha_and_light_are_kept",
    "test_style_optimised.py::test_progress_only_grows_and_whoever_leaves_is_obeyed",
    "test_style_optimised.py::test_strength_goes_from_the_picture_to_the_style",
    "test_style_optimised.py::test_the_command",
    "test_style_optimised.py::test_the_result_has_the_pictures_size",
    "test_style_optimised.py::test_the_style_comes_nearer_and_what_is_shown_stays",
    "test_track.py::test_a_broken_off_run_goes_on_to_the_same_bytes",
    "test_track.py::test_a_changed_plate_is_looked_at_again",
    "test_track.py::test_a_key_is_kept_and_followed_both_ways",
    "test_track.py::test_a_part_of_the_shot_equals_the_whole",
    "test_track.py::test_a_rough_key_says_which_of_two_alike_is_meant",
    "test_track.py::test_an_empty_rough_key_says_that_it_is_not_there",
    "test_track.py::test_another_key_changes_only_what_it_reaches",
    "test_track.py::test_real_film_is_followed",
    "test_track.py::test_rough_mattes_of_every_frame_come_out_better_and_calmer",
    "test_track.py::test_several_objects_may_be_tracked_at_once",
    "test_track.py::test_what_left_is_found_again_by_its_pattern_where_colours_tell_nothing",
    "test_track.py::test_the_edge_of_a_rough_key_is_found_anew",
    "test_upscale.py::test_benchmark",
    "test_upscale.py::test_tiles_change_nothing",
    "test_video_networks.py::test_sam_2_follows_as_its_own_code_does",
    "test_video_networks.py::test_roto_follows_by_cutie",
    "test_video_networks.py::test_roto_follows_by_it_and_goes_on_where_it_was_broken_off",
    "test_watch.py::test_pictures_are_done_as_they_come_and_ctrl_c_ends_it",
    "test_worker.py::test_a_worker_that_can_open_no_more_files_goes_on",
    "test_worker.py::test_a_worker_killed_in_mid_work_is_one_sentence_and_the_next_call_works",
    "test_worker.py::test_leaving_cancels_and_the_worker_stays_warm",
    "test_worker.py::test_progress_is_told_and_only_grows",
    "test_worker_pictures.py::test_a_style_that_was_brought_in",
    "test_worker_pictures.py::test_the_picture_is_the_one_that_the_engine_makes",
}


def markers(path: Path, function: str) -> tuple[set[str], str]:
    """The markers of a test, and the group of tests that one process runs in order.

    Parameters
    ----------
    path : Path
        Of its file, below `TESTS`.
    function : str
        Its name without parameters.
    """
    parts = path.relative_to(TESTS).parts
    host = None if path.name in HOSTLESS else HOSTS.get(parts[0])
    found = set()
    if host:
        found.add("host")
    if path.name in TRAINING:
        found.add("train")
    if f"{path.name}::{function}" in SLOW:
        found.add("slow")
    return found, host or "/".join(parts)
