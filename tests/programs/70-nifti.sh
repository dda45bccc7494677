# nifti_tool: gunzip and a change of byte order; the blocks go out again through write(2).
if have nifti_tool nifti-bin "nifti_tool"; then
    plan=$plans/nifti_tool.plan min_saved=60
    budget=$(pick 4M 22M)
    $gen nifti 96 96 60 "$(pick 60 200)" 1 > "$data/v.nii"
    gzip -1 "$data/v.nii"
    $gen nifti 96 96 60 "$(pick 60 200)" 0 > "$data/plain.nii"
    # The program lasts hardly longer than one gunzip of its file, which is what each proof costs too.
    min_saved=$(pick 15 40)
    for store in none disk; do
        options=--store=$store
        row "nifti_tool, big-endian .nii.gz, store $store" nifti_tool -cbl -prefix o.nii -infiles "$data/v.nii.gz"
    done
    options=--store=none min_saved=60
    row "nifti_tool, little-endian .nii" nifti_tool -cbl -prefix o.nii -infiles "$data/plain.nii"
    row "nifti_tool, compressed output" nifti_tool -cbl -prefix o.nii.gz -infiles "$data/v.nii.gz"
    rm -f "$data/v.nii"
fi
